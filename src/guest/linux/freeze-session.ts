import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { FreezeEvidence, Guest, PreparedGuest, ThawVerdict } from '../../ports/guest.ts';
import { withDeadline } from '../deadline.ts';
import { scriptRuns } from '../helper-scripts.ts';
import { RELEASE_BYTE } from './freeze-helper-protocol.ts';
import { type GuestContext, guestError, verdictLost } from './guest-errors.ts';
import { type Connect, HelperChannel, releaseByRecord, type SessionRecord } from './helper-channel.ts';
import { HelperFacts } from './helper-facts.ts';
import { commandLine } from './helper-lines.ts';
import { type InspectedGuest, inspectGuest, quietGuest } from './prepare-guest.ts';
import { type SessionParts, troubleSince } from './session-parts.ts';
import { type Release, releaseUntilConfirmed, unaskedThaw } from './thaw.ts';

/** The freeze as far as it has come. */
type Freeze =
  | { readonly kind: 'never' }
  /** Unknown is frozen: from the moment the command is sent. */
  | { readonly kind: 'asked'; readonly askedAtMs: number; readonly since: number }
  /** The guest is known to write again. */
  | ({ readonly kind: 'over'; readonly since: number } & Release);

/** Whether applications were told to be quiet; also one whose scripts failed was told. */
type Quiet = 'never' | 'asked' | 'ended';

/** One Linux guest during one run: the freeze helper on one connection. */
export class LinuxFreezeSession implements Guest {
  readonly name: string;
  readonly scriptLimitMs: number;
  readonly #parts: SessionParts;
  #record: SessionRecord | undefined;
  #inspected: InspectedGuest | undefined;
  #quiet: Quiet = 'never';
  #freeze: Freeze = { kind: 'never' };
  #isReleaseAsked = false;
  /** Of the session's record, over connections of their own. Resolved when they are over, whatever came of them. */
  readonly #questions: Promise<void>[] = [];
  #closing: Promise<'closed' | 'unknown'> | undefined;

  constructor(context: GuestContext, clock: Clock, connect: Connect) {
    this.name = context.name;
    const { scriptsDirectory, scriptLimitMs } = context.settings;
    this.scriptLimitMs = scriptsDirectory === undefined ? 0 : scriptLimitMs;
    const facts = new HelperFacts();
    this.#parts = { context, clock, facts, connect, channel: new HelperChannel(connect, facts) };
  }

  async prepare(request: Parameters<Guest['prepare']>[0], signal: AbortSignal): Promise<PreparedGuest> {
    const onRecord = (record: SessionRecord) => {
      this.#record = record;
    };
    try {
      this.#inspected = await inspectGuest(this.#parts, request, onRecord, signal);
      return this.#inspected.prepared;
    } catch (thrown) {
      throw guestError(this.#parts.context, thrown);
    }
  }

  async quiet({ freezeWithinMs }: Parameters<Guest['quiet']>[0], signal: AbortSignal): Promise<PreparedGuest> {
    if (!this.#inspected || this.#quiet !== 'never') throw new Error(`guest "${this.name}" cannot be made quiet now`);
    this.#quiet = 'asked';
    try {
      return await quietGuest(this.#parts, this.#inspected, freezeWithinMs, signal);
    } catch (thrown) {
      throw guestError(this.#parts.context, thrown);
    }
  }

  async freeze(signal: AbortSignal): Promise<void> {
    const { channel, clock, facts } = this.#parts;
    if (this.#freeze.kind !== 'never') throw new Error(`the freeze of guest "${this.name}" was asked for before`);
    if (this.#quiet !== 'asked') throw new Error(`guest "${this.name}" is not quiet`);
    if (signal.aborted) throw this.#unanswered(signal.reason, 'none');
    const since = facts.count;
    const before = troubleSince(this.#parts, 0);
    if (before) throw this.#unanswered(before, 'none');
    try {
      channel.send(commandLine('freeze'));
    } catch (reason) {
      // Nothing may be opened from here on, so a broken connection is found now or never.
      throw this.#unanswered(reason, 'none');
    }
    this.#freeze = { kind: 'asked', askedAtMs: clock.monotonicMs(), since };
    const answer = () => (facts.last('frozen', since) ? 'frozen' : this.#troubleOfFreeze(since));
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
    const { thawResendMs: resendMs, thawPatienceMs: patienceMs } = this.#parts.context.settings;
    const release = (limit: AbortSignal) => this.#releaseByRecord(limit);
    try {
      const context = { ...this.#parts, ...freeze, resendMs, patienceMs, releaseByRecord: release };
      const unasked = this.#isReleaseAsked ? undefined : unaskedThaw(context);
      this.#isReleaseAsked = true;
      const released = unasked ? { verdict: unasked, byRecord: false } : await releaseUntilConfirmed(context, signal);
      this.#freeze = { kind: 'over', since: freeze.since, ...released };
      return released.verdict;
    } catch (reason) {
      throw this.#thawUnconfirmed(reason);
    }
  }

  async finish(signal: AbortSignal): Promise<FreezeEvidence> {
    const { clock, context, facts } = this.#parts;
    const freeze = this.#freeze;
    if (freeze.kind !== 'over') throw new Error(`guest "${this.name}" cannot finish before its thaw was confirmed`);
    const { since, verdict, byRecord } = freeze;
    // Its scripts come first. A helper that did not hear the release has nothing to tell that would be worth waiting for.
    const limitMs = context.settings.answerLimitMs + (byRecord ? 0 : this.scriptLimitMs);
    const late = () => verdictLost(context);
    const last = () => facts.last('finished', since) ?? troubleSince(this.#parts, since);
    try {
      const heard = await withDeadline(clock, limitMs, signal, late, (limit) => facts.waitFor(last, limit));
      if (heard instanceof SnaphookError) throw heard;
      const finished = heard.reason === 'released';
      return {
        strategy: 'linux-fsfreeze',
        verdict,
        result: heard.reason,
        finished,
        // FIFREEZE writes back what is dirty before it answers.
        flushed: finished && heard.fileSystems.every(({ frozen }) => frozen),
        fileSystems: heard.fileSystems.map(({ mountPoint: name, frozen, held }) => ({
          name,
          frozen,
          heldToTheEnd: held,
        })),
        scripts: scriptRuns(heard.scripts),
      };
    } catch (thrown) {
      throw guestError(context, thrown);
    }
  }

  close(): Promise<'closed' | 'unknown'> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Applications that wait for a freeze which does not come any more go on. Nobody waits for their scripts. */
  #endQuiet(): void {
    const { channel } = this.#parts;
    if (this.#quiet !== 'asked') return;
    this.#quiet = 'ended';
    try {
      if (channel.canSend) channel.send(commandLine('abort'));
    } catch {
      // With the connection the input of the helper has ended, which says the same.
    }
  }

  #troubleOfFreeze(since: number): SnaphookError | undefined {
    const { facts } = this.#parts;
    const trouble = troubleSince(this.#parts, since, 'E_FREEZE_FAILED', 'unknown');
    if (trouble) return trouble.code === 'E_FREEZE_FAILED' ? trouble : this.#unanswered(trouble, 'unknown');
    const over = facts.last('finished', since);
    return (
      over &&
      new SnaphookError('E_FREEZE_FAILED', `the freeze of guest "${this.name}" ended before it held: ${over.reason}`, {
        hint: 'Writing back what is dirty took longer than the lease, or something in the guest ended it. Try again later.',
      })
    );
  }

  #releaseByRecord(signal: AbortSignal): Promise<unknown> {
    const { context, connect } = this.#parts;
    if (!this.#record) return Promise.resolve();
    const question = releaseByRecord(context, connect, this.#record, signal);
    const over = () => undefined;
    this.#questions.push(question.then(over, over));
    return question;
  }

  #unanswered(reason: unknown, effect: 'none' | 'unknown'): SnaphookError {
    const cause = guestError(this.#parts.context, reason, effect);
    return new SnaphookError('E_FREEZE_FAILED', `guest "${this.name}" did not confirm the freeze: ${cause.message}`, {
      hint: cause.hint ?? 'A freeze first writes back what is dirty: allow more time, or run when less is written.',
      effect,
      cause,
    });
  }

  #thawUnconfirmed(reason: unknown): SnaphookError {
    const { context } = this.#parts;
    return new SnaphookError('E_THAW_UNCONFIRMED', `guest "${this.name}" did not confirm that it writes again`, {
      hint:
        `By itself it lets go ${context.settings.leaseMs / 1000} s after the freeze. Check that its applications answer; ` +
        'if not, thaw in the guest: fsfreeze -u MOUNTPOINT',
      effect: 'unknown',
      cause: guestError(context, reason, 'unknown'),
    });
  }

  /** Without a hello there is no session that a lost connection would not end by itself. */
  async #close(): Promise<'closed' | 'unknown'> {
    const { channel, clock, context } = this.#parts;
    const late = () => new Error('the session did not end in time');
    try {
      const isReleased = this.#freeze.kind === 'over' && this.#freeze.byRecord;
      const quit = isReleased || (await this.#quit());
      channel.close();
      const closed = channel.closed();
      closed.catch(() => undefined);
      if (!quit)
        await withDeadline(clock, context.settings.closeTimeoutMs, undefined, late, (limit) =>
          this.#releaseByRecord(limit),
        );
      await closed;
      // One that came too late to be needed still takes away what it made in the guest.
      await Promise.all(this.#questions);
      return 'closed';
    } catch {
      // What is left ends with the lease, and the session with its end of input.
      return 'unknown';
    } finally {
      channel.close();
    }
  }

  /** Asks the helper to end; a guest that may still stand still is released by the same message. True: it ended well. */
  async #quit(): Promise<boolean> {
    const { channel, clock, context, facts } = this.#parts;
    const isOver = () => (facts.end ? facts.end.kind === 'exited' && facts.end.exitCode === 0 : undefined);
    const quit = commandLine('quit');
    const held = this.#freeze.kind === 'asked';
    const late = () => new Error('the helper did not end in time');
    try {
      if (channel.canSend) channel.send(held ? Buffer.concat([Buffer.from([RELEASE_BYTE]), quit]) : quit);
      if (!channel.canSend && !facts.end) return false;
      const limitMs = context.settings.answerLimitMs + this.scriptLimitMs;
      return await withDeadline(clock, Math.min(limitMs, context.settings.closeTimeoutMs), undefined, late, (limit) =>
        facts.waitFor(isOver, limit),
      );
    } catch {
      return false;
    }
  }
}
