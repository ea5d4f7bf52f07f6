import type { Pace } from '../world/pace.ts';

/** The guest's monotonic clock in simulated milliseconds: it runs as much faster as the lab's delays are shorter. */
export class GuestClock {
  readonly #factor: number;
  readonly #startedMs = performance.now();

  constructor(pace: Pace) {
    this.#factor = pace.factor > 0 ? pace.factor : 1;
  }

  nowMs(): number {
    return Math.round(((performance.now() - this.#startedMs) / this.#factor) * 1000) / 1000;
  }
}
