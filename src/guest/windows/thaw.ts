import type { Clock } from '../../ports/clock.ts';
import type { ThawVerdict } from '../../ports/guest.ts';
import { waitAtMost } from '../wait-at-most.ts';
import type { HelperFacts } from './helper-facts.ts';
import { commandLine } from './helper-lines.ts';
import type { HelperTransport } from './helper-transport.ts';
import { type HelperPhase, RELEASE_BYTE } from './vss-helper-protocol.ts';

export interface ThawContext {
  readonly channel: HelperTransport;
  readonly facts: HelperFacts;
  readonly clock: Clock;
  /** When the freeze was asked for, on our monotonic clock. */
  readonly askedAtMs: number;
  /** Events before this one belong to the time before the freeze. */
  readonly since: number;
  /** Windows ends a hold after this time, also one whose helper is dead. */
  readonly windowsHoldMs: number;
  readonly resendMs: number;
  readonly patienceMs: number;
}

/** How long the release waits for an answer to an earlier message before it takes a connection of its own. */
const SEND_GRACE_MS = 250;
const RETRY_PAUSE_MS = 100;

const RELEASE = Buffer.from([RELEASE_BYTE]);
/** The helper reads commands only when it holds nothing: an answer to `status` after a lost message is a proof, too. */
const RELEASE_AND_ASK = Buffer.concat([RELEASE, commandLine({ command: 'status' })]);
const RELEASE_AND_ABORT = Buffer.concat([RELEASE, commandLine({ command: 'abort' })]);

/** Phases after a hold. `prepared` is none of them: the freeze command itself may still be on its way. */
const AFTER_HOLD: readonly HelperPhase[] = ['idle', 'finished', 'complete'];

/** What is known about the end of the hold; undefined while the guest may stand still. */
export function thawVerdict(
  context: Pick<ThawContext, 'facts' | 'since' | 'clock' | 'askedAtMs'>,
): ThawVerdict | undefined {
  const { facts, since } = context;
  const thawed = facts.last('thawed', since);
  const expired = facts.last('expired', since);
  if (expired) return { kind: 'expired', heldMs: expired.heldMs };
  if (thawed) return { kind: 'released', heldMs: thawed.heldMs };
  const status = facts.last('status', since);
  const over =
    facts.last('failed', since) !== undefined ||
    facts.last('finished', since) !== undefined ||
    facts.last('aborted', since) !== undefined ||
    (status !== undefined && AFTER_HOLD.includes(status.phase));
  return over ? endedUnseen(context) : undefined;
}

/** Before anybody was asked to let go: a helper that says it did not keep its hold for us, whatever it calls that. */
export function unaskedThaw({ facts, since }: Pick<ThawContext, 'facts' | 'since'>): ThawVerdict | undefined {
  const thawed = facts.last('thawed', since);
  return thawed && { kind: 'expired', heldMs: thawed.heldMs };
}

/** The guest writes again, but since when nobody told: never a proof, and our own time is the longest it can have been. */
const endedUnseen = ({ clock, askedAtMs }: Pick<ThawContext, 'clock' | 'askedAtMs'>): ThawVerdict => ({
  kind: 'expired',
  heldMs: clock.monotonicMs() - askedAtMs,
});

/** A dead helper says nothing more and lets go of nothing: the hold, which began before its death, lasts until Windows ends it. */
async function outlastHold(context: ThawContext, knownSinceMs: number, signal: AbortSignal): Promise<ThawVerdict> {
  const { clock, windowsHoldMs } = context;
  const leftMs = knownSinceMs + windowsHoldMs - clock.monotonicMs();
  if (leftMs > 0) await clock.sleep(leftMs, signal);
  return endedUnseen(context);
}

/**
 * Releases the guest and does not stop before it is confirmed or the signal ends: the release byte, again and with a
 * question when nobody answers, then abort, then the end of the helper, after which Windows ends the hold. Every connection
 * may be replaced: a guest that stands still is worse than a broken rule.
 * @throws the signal's reason when it ends first.
 */
export async function releaseUntilConfirmed(context: ThawContext, signal: AbortSignal): Promise<ThawVerdict> {
  const { channel, facts, clock } = context;
  const startedMs = clock.monotonicMs();
  let listenedAnew = false;
  let holdKnownSinceMs: number | undefined;
  for (let attempt = 0; ; attempt += 1) {
    const known = thawVerdict(context);
    if (known) return known;
    if (facts.last('frozen', context.since) || facts.end) holdKnownSinceMs ??= clock.monotonicMs();
    if (facts.end) return await outlastHold(context, holdKnownSinceMs ?? clock.monotonicMs(), signal);
    const waitedMs = clock.monotonicMs() - startedMs;
    const seenBefore = facts.count;
    const sending = new Outcome(facts, attemptRelease(context, attempt, waitedMs));
    // A Receive may hang without any sign of it: silence for long is as good as a broken connection, once.
    const deaf: boolean = facts.lost !== undefined || (waitedMs >= context.patienceMs && !listenedAnew);
    listenedAnew ||= deaf;
    const reception = deaf ? new Outcome(facts, channel.receiveAgain()) : undefined;
    // Ending a shell takes longer than a message, and starting over would cut it short.
    const pauseMs =
      waitedMs >= 2 * context.patienceMs ? Math.max(context.resendMs, context.patienceMs) : context.resendMs;
    const seen = await waitAtMost(clock, facts, pauseMs, signal, () => {
      if (sending.failed || reception?.failed) return 'failed' as const;
      const verdict = thawVerdict(context);
      if (verdict) return verdict;
      if (facts.end) return 'again' as const;
      // A release that came before the hold was ignored: it has to be said again at once.
      if (facts.last('frozen', seenBefore)) return 'again' as const;
      return facts.lost !== undefined && !reception ? ('again' as const) : undefined;
    });
    if (typeof seen === 'object') return seen;
    if (seen === 'failed') await clock.sleep(RETRY_PAUSE_MS, signal);
  }
}

async function attemptRelease(context: ThawContext, attempt: number, waitedMs: number): Promise<void> {
  const { channel, patienceMs } = context;
  if (waitedMs >= 2 * patienceMs) return await channel.endShell();
  if (waitedMs >= patienceMs) return await channel.sendUrgently(RELEASE_AND_ABORT, 0);
  if (attempt > 0) return await channel.sendUrgently(RELEASE_AND_ASK, 0);
  await channel.sendUrgently(RELEASE, SEND_GRACE_MS);
}

/** Remembers that work under way failed, and lets the wait see it. */
class Outcome {
  failed = false;

  constructor(facts: HelperFacts, work: Promise<unknown>) {
    work.catch(() => {
      this.failed = true;
      facts.changed();
    });
  }
}
