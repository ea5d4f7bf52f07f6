import { SnaphookError } from '../../../src/ports/errors.ts';
import type { FreezeEvidence, Guest, PreparedGuest, ThawVerdict } from '../../../src/ports/guest.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';
import type { FreezableMachine, FreezeSession, SessionPhase } from './guest-machine.ts';

export interface GuestParts<Machine> {
  readonly process: HookProcess;
  readonly random: Random;
  readonly machine: Machine;
  /** Told of every connection that is opened. */
  readonly onConnection: () => void;
}

type PrepareRequest = Parameters<Guest['prepare']>[0];
export type QuietRequest = Parameters<Guest['quiet']>[0];

export const CALL_TIMEOUT_MS = 60_000;
export const CLOSE_LIMIT_MS = 15_000;
const RESEND_MS = 1000;

const refused = () => new SnaphookError('E_GUEST', 'the guest refused a call');

/** One guest during one run, as an adapter gives it to one process: what both kinds have in common. */
export abstract class SimulatedGuest<Session extends FreezeSession, Machine extends FreezableMachine<Session>>
  implements Guest
{
  readonly name: string;
  readonly scriptLimitMs = 0;
  protected readonly parts: GuestParts<Machine>;
  /** Releases that find a freeze that has not begun, or lasts, before it is aborted. */
  protected abstract readonly patience: { readonly unbegun: number; readonly freezing: number };
  protected session: Session | undefined;
  protected verdict: ThawVerdict | undefined;
  #askedAtMs: number | undefined;
  #closing: Promise<'closed' | 'unknown'> | undefined;
  #isInUse = false;

  constructor(parts: GuestParts<Machine>) {
    this.parts = parts;
    this.name = parts.machine.name;
  }

  /** What finds the session again after a crash. */
  protected abstract resumeOf(session: Session): Readonly<Record<string, string>>;
  /** In one moment; throws what the guest refuses. */
  protected abstract prepareSession(session: Session, diskUuids: readonly string[]): void;
  protected abstract preparedOf(session: Session): PreparedGuest;
  protected abstract evidenceOf(session: Session, verdict: ThawVerdict): FreezeEvidence;

  async prepare(request: PrepareRequest, signal: AbortSignal): Promise<PreparedGuest> {
    const { machine, process, onConnection } = this.parts;
    onConnection();
    await this.call('openSession', signal, 1500, () => {
      // A session whose opening was given up is not known to us; it ends by itself.
      const session = machine.openSession(() => process.isAlive && this.#isInUse);
      if (!signal.aborted) this.session = session;
    });
    this.#isInUse = true;
    const session = this.known();
    await request.onSession(this.resumeOf(session));
    await this.call('prepare', signal, 20_000, () => this.prepareSession(session, request.diskUuids));
    return this.preparedOf(session);
  }

  async quiet(_request: QuietRequest, _signal: AbortSignal): Promise<PreparedGuest> {
    return this.preparedOf(this.known());
  }

  async freeze(signal: AbortSignal): Promise<void> {
    const { machine, process } = this.parts;
    if (this.#askedAtMs !== undefined) throw new Error('the freeze was asked for before');
    if (signal.aborted) throw this.#notFrozen('none', signal.reason);
    const session = this.known();
    this.#askedAtMs = process.clock.monotonicMs();
    process.unreleased.add(this.name);
    try {
      await this.call('freeze', signal, 60, () => {
        if (!machine.sessions.has(session.id))
          throw new SnaphookError('E_GUEST_HELPER', 'the session in the guest is gone', { effect: 'unknown' });
        machine.beginFreeze(session);
      });
      const isHeld = await this.#settled(session, signal);
      if (!isHeld) throw this.#notFrozen('none', undefined);
    } catch (error) {
      throw error instanceof SnaphookError && error.code === 'E_FREEZE_FAILED'
        ? error
        : this.#notFrozen('unknown', error);
    }
  }

  async thaw(signal: AbortSignal): Promise<ThawVerdict> {
    if (this.verdict) return this.verdict;
    if (this.#askedAtMs === undefined) {
      this.endQuiet();
      return { kind: 'expired', heldMs: 0 };
    }
    const { machine, process } = this.parts;
    const session = this.known();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const other = await this.thawOtherwise(attempt, signal);
        const said: ReleaseAnswer =
          other ?? (await this.call('thaw', signal, 40, () => this.#release(machine, session, attempt)));
        const verdict: ThawVerdict | undefined = this.verdict ?? this.#judge(session, said, attempt === 1);
        if (verdict) {
          this.verdict = verdict;
          return verdict;
        }
        await this.#changed(session, signal);
      } catch (error) {
        if (signal.aborted) throw this.#unconfirmed(signal.reason);
        if (!(error instanceof SnaphookError)) throw error;
        await process.clock.sleep(RESEND_MS, signal).catch((reason: unknown) => {
          throw this.#unconfirmed(reason);
        });
      }
    }
  }

  async finish(signal: AbortSignal): Promise<FreezeEvidence> {
    const { verdict } = this;
    if (!verdict) throw new Error('the thaw was not confirmed');
    const session = this.known();
    return this.call('finish', signal, 3000, () => {
      if (!this.parts.machine.sessions.has(session.id))
        throw new SnaphookError('E_GUEST_HELPER', 'the session in the guest is gone');
      return this.evidenceOf(session, verdict);
    });
  }

  close(): Promise<'closed' | 'unknown'> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Another way than the open channel, where there is one and it is needed. */
  protected async thawOtherwise(_attempt: number, _signal: AbortSignal): Promise<ReleaseAnswer | undefined> {
    return undefined;
  }

  protected onLost(): void {}

  /** @throws when nobody in the guest hears what comes over the channel of the session. */
  protected requireHelper(_session: Session): void {}

  /** A thaw before any freeze. */
  protected endQuiet(): void {}

  protected known(): Session {
    if (!this.session) throw new SnaphookError('E_GUEST_HELPER', `guest "${this.name}" has no session`);
    return this.session;
  }

  protected call<Result>(name: string, signal: AbortSignal, slowMs: number, effect: () => Result): Promise<Result> {
    const { process, random } = this.parts;
    const isHurried = name === 'freeze' || name === 'thaw';
    // Whether it arrives is for the guest's guards; that it leaves is for us.
    if ((name === 'thaw' || name === 'release') && !signal.aborted) process.unreleased.delete(this.name);
    const lost = () => {
      this.onLost();
      return new SnaphookError('E_GUEST_UNREACHABLE', 'the connection to the guest broke', { effect: 'unknown' });
    };
    return process.call({
      name: `guest.${name}`,
      signal,
      latencyMs: random.latency(isHurried ? 15 : 300, slowMs),
      effect,
      errors: isHurried || name === 'close' || name === 'release' ? { lost } : { refused, lost },
      timeoutMs: name === 'thaw' ? 5000 : CALL_TIMEOUT_MS,
      mayBeDeaf: isHurried,
      faultWeight: isHurried ? 3 : 1,
    });
  }

  async #close(): Promise<'closed' | 'unknown'> {
    this.#isInUse = false;
    const { session } = this;
    if (!session) return 'closed';
    const { machine, process } = this.parts;
    const limit = new AbortController();
    const done = new AbortController();
    process.clock.sleep(CLOSE_LIMIT_MS, done.signal).then(
      () => limit.abort(new Error('the session did not end in time')),
      () => undefined,
    );
    try {
      await this.call('close', limit.signal, 1000, () => {
        this.requireHelper(session);
        machine.endSession(session.id);
      });
      return 'closed';
    } catch {
      return 'unknown';
    } finally {
      done.abort();
    }
  }

  #release(machine: Machine, session: Session, attempt: number): ReleaseAnswer {
    const wasHeld = session.phase === 'held';
    machine.release(session);
    // A freeze that never begins may still be on its way, and one that lasts is called off.
    const { unbegun, freezing } = this.patience;
    if (attempt > (session.phase === 'prepared' ? unbegun : freezing)) machine.abort(session);
    return { wasHeld, phase: session.phase, endedBy: session.hold?.endedBy };
  }

  /** What the answer to a release proves. A repeated release that finds the hold over does not know who ended it. */
  #judge({ hold }: Session, said: ReleaseAnswer, isFirst: boolean): ThawVerdict | undefined {
    const { clock, world } = this.parts.process;
    const ownMs = clock.monotonicMs() - (this.#askedAtMs ?? 0);
    if (said.phase === 'freezing' || said.phase === 'prepared') return undefined;
    if (!hold) return { kind: 'expired', heldMs: ownMs };
    const heldMs = (hold.endedAtMs ?? world.timeline.nowMs) - hold.frozenAtMs;
    if (said.endedBy === 'ours' && (said.wasHeld || isFirst)) return { kind: 'released', heldMs };
    return { kind: 'expired', heldMs: said.endedBy === 'lease' && heldMs > 0 ? heldMs : ownMs };
  }

  /** Resolves with what came of the freeze. */
  #settled(session: Session, signal: AbortSignal): Promise<boolean> {
    const { process } = this.parts;
    const { timeline } = process.world;
    const wayMs = this.parts.random.latency(10, 400);
    return process.guard<boolean>((resolve) => {
      const look = () => {
        const { phase } = session;
        if (phase === 'freezing' || phase === 'prepared') return;
        session.onChange = () => undefined;
        timeline.after(wayMs, () => resolve(phase !== 'failed' && session.hold !== undefined));
      };
      session.onChange = look;
      look();
    }, signal);
  }

  /** Resolves when the freeze goes on, or when it is time to release again. */
  #changed(session: Session, signal: AbortSignal): Promise<void> {
    const { process, random } = this.parts;
    const { timeline } = process.world;
    return process.guard<void>((resolve) => {
      session.onChange = () => timeline.after(random.between(5, 40), resolve);
      timeline.after(RESEND_MS, resolve);
    }, signal);
  }

  #notFrozen(effect: 'none' | 'unknown', cause: unknown): SnaphookError {
    return new SnaphookError('E_FREEZE_FAILED', `guest "${this.name}" did not confirm the freeze`, { effect, cause });
  }

  #unconfirmed(cause: unknown): SnaphookError {
    return new SnaphookError('E_THAW_UNCONFIRMED', `guest "${this.name}" did not confirm that it writes again`, {
      effect: 'unknown',
      cause,
    });
  }
}

/** What the guest says to a release. */
export interface ReleaseAnswer {
  readonly wasHeld: boolean;
  readonly phase: SessionPhase;
  readonly endedBy: unknown;
}
