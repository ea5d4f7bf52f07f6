import type { Clock } from '../ports/clock.ts';

/** Given as a reason: without one an error with its stack would be made for every deadline. */
const NOT_NEEDED = 'the work has ended';

/**
 * Runs work under a signal that aborts with `expired()` when the time is over, or with the outer signal's reason when that
 * aborts first. The work must end when its signal does.
 */
export async function withDeadline<T>(
  clock: Clock,
  limitMs: number,
  outer: AbortSignal | undefined,
  expired: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = new AbortController();
  const passOn = () => limit.abort(outer?.reason);
  if (outer?.aborted) passOn();
  outer?.addEventListener('abort', passOn, { once: true });
  clock.sleep(limitMs, timer.signal).then(
    () => limit.abort(expired()),
    () => undefined,
  );
  try {
    return await work(limit.signal);
  } finally {
    timer.abort(NOT_NEEDED);
    outer?.removeEventListener('abort', passOn);
  }
}
