import { setTimeout as sleepFor } from 'node:timers/promises';

/** Latency of one simulated system: every answer waits `latencyMs` plus up to `jitterMs`. */
export interface Latency {
  readonly latencyMs: number;
  readonly jitterMs: number;
}

/**
 * The lab runs on real time, but its own long delays (defining, copying, jobs, holds, expiry clocks) are multiplied
 * by one factor, so that a test sees an hour of array behaviour in seconds.
 */
export class Pace {
  readonly factor: number;

  constructor(factor = 1) {
    this.factor = factor;
  }

  /** Real milliseconds for a delay of the simulated system. */
  scaledMs(simulatedMs: number): number {
    return simulatedMs * this.factor;
  }

  /** Waits for a delay of the simulated system. */
  async wait(simulatedMs: number): Promise<void> {
    const realMs = this.scaledMs(simulatedMs);
    if (realMs > 0) await sleepFor(realMs);
  }
}

export async function waitLatency(latency: Latency): Promise<void> {
  const totalMs = latency.latencyMs + Math.random() * latency.jitterMs;
  if (totalMs > 0) await sleepFor(totalMs);
}
