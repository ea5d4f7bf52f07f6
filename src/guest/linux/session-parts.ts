import type { Clock } from '../../ports/clock.ts';
import type { ErrorDetails, SnaphookError } from '../../ports/errors.ts';
import { type GuestContext, helperEnded, helperFailed, notOfTheProtocol } from './guest-errors.ts';
import type { Connect, HelperChannel } from './helper-channel.ts';
import type { HelperFacts } from './helper-facts.ts';

/** What one session with a guest works with. */
export interface SessionParts {
  readonly context: GuestContext;
  readonly clock: Clock;
  readonly facts: HelperFacts;
  readonly channel: HelperChannel;
  readonly connect: Connect;
}

/** Whatever makes further waiting for the helper pointless; undefined while all is well. */
export function troubleSince(
  parts: SessionParts,
  since: number,
  code: 'E_GUEST' | 'E_FREEZE_FAILED' = 'E_GUEST',
  effect: NonNullable<ErrorDetails['effect']> = 'none',
): SnaphookError | undefined {
  const { context, facts } = parts;
  const failed = facts.last('failed', since);
  if (failed) return helperFailed(context, failed, code);
  if (facts.violation !== undefined) return notOfTheProtocol(context, facts.violation, effect);
  return facts.end && helperEnded(context, facts.end, effect);
}
