import type { Clock } from '../../ports/clock.ts';
import type { ThawVerdict } from '../../ports/guest.ts';
import { waitAtMost } from '../wait-at-most.ts';
import { RELEASE_BYTE } from './freeze-helper-protocol.ts';
import type { HelperChannel } from './helper-channel.ts';
import type { HelperFacts } from './helper-facts.ts';
import { commandLine } from './helper-lines.ts';

export interface ThawContext {
  readonly channel: HelperChannel;
  readonly facts: HelperFacts;
  readonly clock: Clock;
  /** When the freeze was asked for, on our monotonic clock. */
  readonly askedAtMs: number;
  /** Events before this one belong to the time before the freeze. */
  readonly since: number;
  readonly resendMs: number;
  readonly patienceMs: number;
  /** Ends the session over a connection of its own; resolves when the guest said that nothing stands still. */
  readonly releaseByRecord: (signal: AbortSignal) => Promise<unknown>;
}

export interface Release {
  readonly verdict: ThawVerdict;
  /** The helper of the session itself said nothing. */
  readonly byRecord: boolean;
}

/** Between two connections that both failed. */
const RECONNECT_PAUSE_MS = 250;

const RELEASE = Buffer.from([RELEASE_BYTE]);
/** An answer to `status` tells whether the release was lost. */
const RELEASE_AND_ASK = Buffer.concat([RELEASE, commandLine('status')]);
/** A freeze that is still under way holds nothing yet, so a release would be ignored. */
const RELEASE_AND_ABORT = Buffer.concat([RELEASE, commandLine('abort')]);

/** What is known about the end of the hold; undefined while the guest may stand still. */
function thawVerdict(context: ThawContext): ThawVerdict | undefined {
  const { facts, since } = context;
  const expired = facts.last('expired', since);
  if (expired) return { kind: 'expired', heldMs: expired.heldMs };
  const thawed = facts.last('thawed', since);
  if (thawed) return { kind: 'released', heldMs: thawed.heldMs };
  const over =
    facts.last('failed', since) !== undefined ||
    facts.last('finished', since) !== undefined ||
    facts.last('aborted', since) !== undefined ||
    facts.last('status', since)?.phase === 'finished';
  return over ? outOfOurSight(context) : undefined;
}

/** Before anybody was asked to let go: a helper that says it did not keep its hold for us, whatever it calls that. */
export function unaskedThaw({ facts, since }: Pick<ThawContext, 'facts' | 'since'>): ThawVerdict | undefined {
  const thawed = facts.last('thawed', since);
  return thawed && { kind: 'expired', heldMs: thawed.heldMs };
}

/** The guest writes again, but since when nobody told: never a proof, and our own time is the longest it can have been. */
const outOfOurSight = ({ clock, askedAtMs }: ThawContext): ThawVerdict => ({
  kind: 'expired',
  heldMs: clock.monotonicMs() - askedAtMs,
});

/**
 * Releases the guest and does not stop before it is confirmed or the signal ends: the release byte on the open channel, again
 * when nobody answers, and when the channel is dead or silent the session's record over connections of their own. The end of
 * the helper is no confirmation: what it froze outlives it until the guest's watchdog has thawed it.
 * @throws the signal's reason when it ends first.
 */
export async function releaseUntilConfirmed(context: ThawContext, signal: AbortSignal): Promise<Release> {
  const { channel, facts, clock, patienceMs, resendMs } = context;
  const startedMs = clock.monotonicMs();
  let released = false;
  let releasing: Promise<void> | undefined;
  let byRecord: AbortController | undefined;
  try {
    for (let attempt = 0; ; attempt += 1) {
      const known = thawVerdict(context);
      if (known) return { verdict: known, byRecord: false };
      if (released) return { verdict: outOfOurSight(context), byRecord: true };
      const seenBefore = facts.count;
      const sent = trySend(channel, messageFor(context, attempt));
      if (!sent || clock.monotonicMs() - startedMs >= patienceMs) {
        byRecord ??= new AbortController();
        const ended = AbortSignal.any([signal, byRecord.signal]);
        releasing ??= context
          .releaseByRecord(ended)
          .then(
            () => {
              released = true;
            },
            () => clock.sleep(RECONNECT_PAUSE_MS, ended).catch(() => undefined),
          )
          .finally(() => {
            releasing = undefined;
            facts.changed();
          });
      }
      const underWay = releasing;
      const check = () => {
        if (released || thawVerdict(context)) return true;
        // A release that came before the hold was ignored: it has to be said again at once.
        if (facts.last('frozen', seenBefore)) return true;
        if (sent && facts.end) return true;
        return underWay !== undefined && releasing === undefined ? true : undefined;
      };
      await (sent ? waitAtMost(clock, facts, resendMs, signal, check) : facts.waitFor(check, signal));
    }
  } finally {
    byRecord?.abort();
  }
}

function messageFor({ facts, since }: ThawContext, attempt: number): Buffer {
  // The thaw scripts run after the release: an abort behind it must not turn them into those of a failure.
  if (!facts.last('frozen', since)) return RELEASE_AND_ABORT;
  return attempt === 0 ? RELEASE : RELEASE_AND_ASK;
}

function trySend(channel: HelperChannel, message: Buffer): boolean {
  if (!channel.canSend) return false;
  try {
    channel.send(message);
    return true;
  } catch {
    return false;
  }
}
