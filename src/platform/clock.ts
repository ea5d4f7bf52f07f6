import type { Clock } from '../ports/clock.ts';

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  // Since the process began. Not `performance`: Node loads ten parts of its own for it.
  monotonicMs: () => process.uptime() * 1000,
  // Not `timers/promises`: most sleeps are limits that are called off, and in the freeze window an error with a stack for each of
  // hundreds of guests is what the time goes to.
  sleep: (durationMs, signal) =>
    new Promise((resolve, reject) => {
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, durationMs);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
