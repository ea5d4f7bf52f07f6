import type { Clock } from '../../../src/ports/clock.ts';

/** A clock that jumps: a sleep takes no time and moves it. */
export function jumpingClock(): Clock {
  let nowMs = 0;
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    async sleep(durationMs, signal) {
      signal?.throwIfAborted();
      nowMs += durationMs;
    },
  };
}
