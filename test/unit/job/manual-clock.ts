import type { Clock } from '../../../src/ports/clock.ts';

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  now = (): Date => new Date(Date.UTC(2026, 10, 25) + this.#nowMs);
  monotonicMs = (): number => this.#nowMs;

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener('abort', cancel);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + durationMs, wake };
      this.#sleepers.add(sleeper);
      if (signal?.aborted) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Goes on by this time, from one sleeper to the next, and lets each do its work first. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      await settled();
      const next = [...this.#sleepers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#sleepers.delete(next);
      next.wake();
    }
    this.#nowMs = untilMs;
  }
}

/** Everything that is not waiting for time or input has run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
