import type { Clock } from '../ports/clock.ts';
import type { HelperEvents } from './helper-events.ts';

/** Given as a reason: without one an error with its stack would be made for every guest of a window. */
const NOT_NEEDED = 'the wait has ended';

/** The first value the check gives, undefined after the time. @throws the signal's reason when it ends first. */
export async function waitAtMost<Found>(
  clock: Clock,
  facts: Pick<HelperEvents<never>, 'waitFor' | 'changed'>,
  limitMs: number,
  signal: AbortSignal,
  check: () => Found | undefined,
): Promise<Found | undefined> {
  const timer = new AbortController();
  let isOver = false;
  clock.sleep(limitMs, timer.signal).then(
    () => {
      isOver = true;
      facts.changed();
    },
    () => undefined,
  );
  try {
    const seen = await facts.waitFor(() => {
      const found = check();
      if (found !== undefined) return { found };
      return isOver ? { found: undefined } : undefined;
    }, signal);
    return seen.found;
  } finally {
    timer.abort(NOT_NEEDED);
  }
}
