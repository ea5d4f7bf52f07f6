import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { FreezeEvidence, Guest, PreparedGuest, ThawVerdict } from '../../ports/guest.ts';
import { withDeadline } from '../deadline.ts';
import { scriptRuns } from '../helper-scripts.ts';
import type { GuestContext } from './guest-context.ts';
import { guestError } from './guest-errors.ts';
import { HelperFacts } from './helper-facts.ts';
import { commandLine } from './helper-lines.ts';
import { type InspectedGuest, inspectGuest, quietGuest } from './prepare-guest.ts';
import { type SessionParts, troubleSince, writersSeen } from './session-parts.ts';
import { releaseUntilConfirmed, thawVerdict, unaskedThaw } from './thaw.ts';
import { MAX_PARK_HOURS, RELEASE_BYTE } from './vss-helper-protocol.ts';
import { isFinished } from './vss-results.ts';
import { endCopyBackup, vssVerdict } from './vss-verdict.ts';

/** Whether applications were told to be quiet; also one whose scripts failed was told. */
type Quiet = 'never' | 'asked' | 'ending' | 'ended';

/** How long a helper may take to end after `quit`, once its scripts are through. */
const QUIT_LIMIT_MS = 2000;

const isFull = (prepared: PreparedGuest | undefined): boolean =>
  prepared?.strategy === 'vss-provider' && prepared.backupType === 'full';

/** The freeze as far as it has come. */
type Freeze =
  | { readonly kind: 'never' }
  /** Unknown is frozen: from the moment the command is sent. */
  | { readonly kind: 'asked'; readonly askedAtMs: number; readonly since: number }
  /** The guest is known to write again. */
  | { readonly kind: 'over'; readonly verdict: ThawVerdict; readonly since: number };

/** One Windows guest during one run: the VSS helper in it. Freeze and thaw neither log nor open a file. */
export class VssSession implements Guest {
  readonly name: string;
  readonly scriptLimitMs: number;
  readonly #parts: SessionParts;
  readonly #keepWarm = new AbortController();
  #inspected: InspectedGuest | undefined;
  #quiet: Quiet = 'never';
  #freeze: Freeze = { kind: 'never' };
  #isReleaseAsked = false;
  #closing: Promise<'closed' | 'unknown'> | undefined;

  constructor(context: GuestContext, clock: Clock) {
    this.name = context.name;
    this.scriptLimitMs = context.settings.scriptLimitMs;
    const facts = new HelperFacts();
    this.#parts = { context, clock, facts, channel: context.settings.access.openHelper(facts) };
  }

  async prepare(request: Parameters<Guest['prepare']>[0], signal: AbortSignal): Promise<PreparedGuest> {
    try {
      this.#inspected = await inspectGuest(this.#parts, request, signal);
      void this.#stayWarm();
      return this.#inspected.prepared;
    } catch (thrown) {
      throw guestError(this.#parts.context, thrown);
    }
  }

  async quiet({ freezeWithinMs }: Parameters<Guest['quiet']>[0], signal: AbortSignal): Promise<PreparedGuest> {
    if (!this.#inspected || this.#quiet !== 'never') throw new Error(`guest "${this.name}" cannot be made quiet now`);
    this.#quiet = 'asked';
    try {
      const prepared = await quietGuest(this.#parts, this.#inspected, freezeWithinMs, signal);
      if (prepared.scripts?.length === 0) this.#quiet = 'ended';
      await this.#parts.channel.expectFreeze?.(signal);
      return prepared;
    } catch (thrown) {
      throw guestError(this.#parts.context, thrown);
    }
  }

  async freeze(signal: AbortSignal): Promise<void> {
    const { channel, clock, facts } = this.#parts;
    if (this.#freeze.kind !== 'never') throw new Error(`the freeze of guest "${this.name}" was asked for before`);
    this.#keepWarm.abort();
    if (signal.aborted) throw this.#unanswered(signal.reason, 'none');
    if (!channel.canSend) {
      // Nothing may be opened from here on, so a broken connection is found now or never.
      const broken = new SnaphookError('E_GUEST_UNREACHABLE', 'the connection broke after the preparation');
      throw this.#unanswered(broken, 'none');
    }
    const since = facts.count;
    this.#freeze = { kind: 'asked', askedAtMs: clock.monotonicMs(), since };
    let refused: { readonly reason: unknown } | undefined;
    channel.send(commandLine({ command: 'freeze' })).catch((reason: unknown) => {
      refused = { reason };
      facts.changed();
    });
    const answer = () => {
      const trouble = troubleSince(this.#parts, since, 'E_FREEZE_FAILED', 'unknown');
      if (trouble) return trouble;
      if (facts.last('frozen', since)) return 'frozen';
      return refused && this.#unanswered(refused.reason, 'unknown');
    };
    const frozen = await facts.waitFor(answer, signal).catch((reason: unknown) => this.#unanswered(reason, 'unknown'));
    if (frozen instanceof SnaphookError) throw frozen;
  }

  async thaw(signal: AbortSignal): Promise<ThawVerdict> {
    const freeze = this.#freeze;
    if (freeze.kind === 'over') return freeze.verdict;
    if (freeze.kind === 'never') {
      this.#endQuiet();
      // Nothing was ever asked to stand still; that is no evidence of anything either.
      return { kind: 'expired', heldMs: 0 };
    }
    const { thawResendMs: resendMs, thawPatienceMs: patienceMs, windowsHoldMs } = this.#parts.context.settings;
    try {
      const context = { ...this.#parts, ...freeze, resendMs, patienceMs, windowsHoldMs };
      const unasked = this.#isReleaseAsked ? undefined : unaskedThaw(context);
      this.#isReleaseAsked = true;
      const verdict = unasked ?? (await releaseUntilConfirmed(context, signal));
      this.#freeze = { kind: 'over', verdict, since: freeze.since };
      return verdict;
    } catch (reason) {
      throw this.#thawUnconfirmed(reason);
    }
  }

  async finish(signal: AbortSignal): Promise<FreezeEvidence> {
    const freeze = this.#freeze;
    if (freeze.kind !== 'over') throw new Error(`guest "${this.name}" cannot finish before its thaw was confirmed`);
    try {
      const verdict = await vssVerdict(this.#parts, freeze.since, signal);
      this.#quiet = 'ended';
      const finished = verdict.event === 'finished' && isFinished(verdict.result);
      // The end of a full one is told when the backup has ended, hours later.
      const isLeft = finished && isFull(this.#inspected?.prepared);
      if (verdict.event === 'finished' && !isLeft) await endCopyBackup(this.#parts, finished, signal);
      return {
        strategy: 'vss-provider',
        verdict: freeze.verdict,
        result: verdict.result,
        finished,
        writersAfter: writersSeen(this.#parts, verdict.writers),
        events: verdict.events,
        scripts: scriptRuns(verdict.scripts),
        // VSS flushes every volume of a set before it holds writes, and only a finished set proves that it did.
        flushed: finished,
      };
    } catch (thrown) {
      throw guestError(this.#parts.context, thrown);
    }
  }

  async park(hours: number, signal: AbortSignal): Promise<void> {
    const { channel, facts } = this.#parts;
    const since = facts.count;
    try {
      await channel.send(commandLine({ command: 'park', hours: Math.min(hours, MAX_PARK_HOURS) }));
      const answer = await facts.waitFor(() => facts.last('parked', since) ?? troubleSince(this.#parts, since), signal);
      if (answer instanceof SnaphookError) throw answer;
    } catch (thrown) {
      throw guestError(this.#parts.context, thrown, 'unknown');
    }
  }

  close(): Promise<'closed' | 'unknown'> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Applications that wait for a freeze which does not come any more go on. Nobody waits for their scripts. */
  #endQuiet(): void {
    const { channel, facts } = this.#parts;
    if (this.#quiet !== 'asked') return;
    this.#quiet = 'ending';
    // On a broken connection nothing is opened for it: the end of the helper's input says the same.
    if (channel.canSend)
      channel.send(commandLine({ command: 'abort' })).catch((reason: unknown) => facts.connectionLost(reason));
  }

  /** Servers and firewalls drop idle connections; a question now and then keeps the sending one alive until the freeze. */
  async #stayWarm(): Promise<void> {
    const { signal } = this.#keepWarm;
    const { clock, channel, context } = this.#parts;
    try {
      for (;;) {
        await clock.sleep(context.settings.keepWarmMs, signal);
        await (channel.keepWarm?.() ?? channel.send(commandLine({ command: 'status' })));
      }
    } catch {
      // Stopped, or the connection is broken: then the freeze reports it.
    }
  }

  #unanswered(reason: unknown, effect: 'none' | 'unknown'): SnaphookError {
    const cause = guestError(this.#parts.context, reason, effect);
    return new SnaphookError('E_FREEZE_FAILED', `guest "${this.name}" did not confirm the freeze: ${cause.message}`, {
      hint:
        cause.hint ??
        'VSS can be slow in the first minutes after a start of the guest; allow more time or try again later.',
      effect,
      cause,
    });
  }

  #thawUnconfirmed(reason: unknown): SnaphookError {
    const { context } = this.#parts;
    return new SnaphookError('E_THAW_UNCONFIRMED', `guest "${this.name}" did not confirm that it writes again`, {
      hint:
        `By itself it lets go ${context.settings.holdMs / 1000} s after the freeze. Check that its applications answer; ` +
        'if not, end snaphook-vss.exe in the guest.',
      effect: 'unknown',
      cause: guestError(context, reason, 'unknown'),
    });
  }

  async #close(): Promise<'closed' | 'unknown'> {
    this.#keepWarm.abort();
    const { channel, clock, context } = this.#parts;
    const late = () => new Error('the session did not end in time');
    const { closeTimeoutMs } = context.settings;
    const isQuiet = this.#quiet === 'asked' || this.#quiet === 'ending';
    const scriptsMs = isQuiet ? Math.min(this.scriptLimitMs, closeTimeoutMs) : 0;
    try {
      await withDeadline(clock, closeTimeoutMs + scriptsMs, undefined, late, async (signal) => {
        await this.#quit(QUIT_LIMIT_MS + scriptsMs, signal);
        await channel.dispose(signal);
      });
      return this.#mayStandStill() ? 'unknown' : 'closed';
    } catch {
      // What is left ends with the shell's idle time, and a hold long before that.
      return 'unknown';
    }
  }

  /** A helper that ended without a word may have died, and then the hold goes on until Windows ends it. One that was asked lets go. */
  #mayStandStill(): boolean {
    const { facts } = this.#parts;
    const letGo = facts.end?.kind === 'exited' && facts.end.exitCode === 0;
    return this.#freeze.kind === 'asked' && !letGo && !thawVerdict({ ...this.#parts, ...this.#freeze });
  }

  /** Asks the helper to end; a guest that may still stand still is released by the same message. */
  async #quit(limitMs: number, signal: AbortSignal): Promise<void> {
    const { channel, clock, facts } = this.#parts;
    if (!facts.last('hello') || facts.end) return;
    const quit = commandLine({ command: 'quit' });
    const held = this.#freeze.kind === 'asked';
    const late = () => new Error('the helper did not end in time');
    try {
      await withDeadline(clock, limitMs, signal, late, async (limited) => {
        const sent = held
          ? channel.sendUrgently(Buffer.concat([Buffer.from([RELEASE_BYTE]), quit]), 0)
          : channel.send(quit);
        sent.catch((reason: unknown) => facts.connectionLost(reason));
        await facts.waitFor(() => (facts.end || facts.lost !== undefined ? true : undefined), limited);
      });
    } catch {
      // Then the shell is deleted under it.
    }
  }
}
