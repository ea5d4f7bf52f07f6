import type { Clock } from '../ports/clock.ts';
import { type ErrorCode, type RetryClass, SnaphookError } from '../ports/errors.ts';

export interface Limit {
  readonly durationMs: number;
  /** Error the work is aborted with when the time is over. */
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  /** `never` where the time was given for all that waiting can bring. Default `after-probe`. */
  readonly retry?: RetryClass;
}

/** Given as a reason: without one an error with its stack would be made for every limit. */
const NOT_NEEDED = 'the work has ended';

/**
 * Runs work that must end within a time. The signal it gets aborts with a coded error when the time is over or when the
 * parent aborts; the work is awaited even then, because only it knows how to stop.
 */
export async function withinLimit<Result>(
  clock: Clock,
  limit: Limit,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const timer = new AbortController();
  const over = new AbortController();
  const fail = () => over.abort(limitError(limit));
  clock.sleep(limit.durationMs, timer.signal).then(fail, () => undefined);
  try {
    return await work(parent ? AbortSignal.any([parent, over.signal]) : over.signal);
  } catch (error) {
    // An adapter may wrap or replace the reason; what happened is that the work was called off, or the time was over.
    if (parent?.aborted) throw parent.reason;
    throw over.signal.aborted ? over.signal.reason : error;
  } finally {
    timer.abort(NOT_NEEDED);
  }
}

/** What work is aborted with when its time is over. */
export const limitError = ({ code, message, hint, retry = 'after-probe' }: Limit): SnaphookError =>
  new SnaphookError(code, message, {
    effect: 'unknown',
    retry,
    ...(hint === undefined ? {} : { hint }),
  });
