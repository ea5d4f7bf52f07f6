/** Time as the core sees it; tests move it by hand. */
export interface Clock {
  /** Wall clock, for records and expiry. */
  now(): Date;
  /** Monotonic milliseconds with fractions, for durations; unrelated to the wall clock. */
  monotonicMs(): number;
  /** Resolves after the time; rejects with the signal's reason when aborted first. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}
