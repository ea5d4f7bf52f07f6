import type { Clock } from '../../ports/clock.ts';
import type { ErrorDetails, SnaphookError } from '../../ports/errors.ts';
import type { WriterStatus } from '../../ports/guest.ts';
import type { GuestContext } from './guest-context.ts';
import { guestError, helperEnded, helperFailed, notOfTheProtocol } from './guest-errors.ts';
import type { HelperFacts } from './helper-facts.ts';
import type { HelperTransport } from './helper-transport.ts';
import type { HelperWriter } from './vss-helper-protocol.ts';
import { writerStatuses } from './writers.ts';

/** What one session with a guest works with. */
export interface SessionParts {
  readonly context: GuestContext;
  readonly clock: Clock;
  readonly facts: HelperFacts;
  readonly channel: HelperTransport;
}

export const writersSeen = (parts: SessionParts, writers: readonly HelperWriter[]): readonly WriterStatus[] =>
  writerStatuses(writers, parts.context.settings);

/** Whatever makes further waiting for the helper pointless; undefined while all is well. */
export function troubleSince(
  parts: SessionParts,
  since: number,
  code: 'E_GUEST' | 'E_FREEZE_FAILED' = 'E_GUEST',
  effect: NonNullable<ErrorDetails['effect']> = 'none',
): SnaphookError | undefined {
  const { context, facts } = parts;
  const failed = facts.last('failed', since);
  if (failed) return helperFailed(context, failed, writersSeen(parts, failed.writers), code);
  if (facts.violation !== undefined) return notOfTheProtocol(context, facts.violation, effect);
  if (facts.end) return helperEnded(context, facts.end, effect);
  return facts.lost === undefined ? undefined : guestError(context, facts.lost, effect);
}
