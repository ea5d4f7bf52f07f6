import type { WriterStatus } from '../../../src/ports/guest.ts';
import type { TrueHold } from '../oracle.ts';
import type { Random } from '../random.ts';
import type { Timeline } from '../timeline.ts';
import type { FreezableMachine, FreezeSession, HoldEnd, SessionPhase } from './guest-machine.ts';

/** One writer of the guest during one hold: what it reported, and whether its data stood still in a good state. */
export interface WriterHistory {
  readonly before: WriterStatus;
  /** Undefined: it was not there any more when the statuses were gathered. */
  readonly after: WriterStatus | undefined;
  readonly quiesced: boolean;
}

interface WindowsHold {
  readonly frozenAtMs: number;
  endedAtMs: number | undefined;
  endedBy: HoldEnd | undefined;
  /** File systems were flushed before writes were held, and the framework ends well if the release comes in time. */
  readonly finishes: boolean;
  readonly diskUuids: readonly string[];
  readonly writers: readonly WriterHistory[];
}

export interface WindowsSession extends FreezeSession {
  /** Ends by itself when its client is gone and it was idle. */
  readonly isClientAlive: () => boolean;
  phase: SessionPhase;
  hold: WindowsHold | undefined;
  writers: readonly WriterHistory[];
  diskUuids: readonly string[];
}

export interface WindowsOptions {
  readonly name: string;
  /** Disks that hold a volume. */
  readonly volumeDisks: readonly string[];
  readonly leaseMs: number;
  /** Share of freezes that are slow, and of those that fail half-way. */
  readonly slowShare: number;
  readonly failShare: number;
  /** Share of sets that are released well and still do not finish. */
  readonly vetoShare: number;
  /** True: nothing is slow and nothing fails any more. */
  readonly isCalm?: () => boolean;
  readonly makeWriters: () => readonly WriterHistory[];
}

const IDLE_LIMIT_MS = 180_000;

/** A Windows guest: VSS, its writers, and a helper in a remote shell that ends when it is idle. */
export class WindowsMachine implements FreezableMachine<WindowsSession> {
  readonly options: WindowsOptions;
  readonly strategy = 'vss-provider';
  readonly sessions = new Map<string, WindowsSession>();
  readonly #holds: WindowsHold[] = [];
  readonly #timeline: Timeline;
  readonly #random: Random;
  #sessionCount = 0;

  constructor(timeline: Timeline, random: Random, options: WindowsOptions) {
    this.#timeline = timeline;
    this.#random = random;
    this.options = options;
  }

  get name(): string {
    return this.options.name;
  }

  get leaseMs(): number {
    return this.options.leaseMs;
  }

  get isFrozen(): boolean {
    return this.#holds.some(({ endedAtMs }) => endedAtMs === undefined);
  }

  get standstills() {
    return this.#holds.map(({ frozenAtMs, endedAtMs }) => ({
      fromMs: frozenAtMs,
      untilMs: endedAtMs,
      isUnguarded: false,
    }));
  }

  get trueHolds(): readonly TrueHold[] {
    return this.#holds.map(({ frozenAtMs, endedAtMs, finishes, diskUuids, writers }) => ({
      guest: this.strategy,
      fromMs: frozenAtMs,
      untilMs: endedAtMs,
      flushed: finishes,
      diskUuids,
      applications: writers.map(({ before, quiesced }) => ({ required: before.required, quiesced })),
    }));
  }

  openSession(isClientAlive: () => boolean): WindowsSession {
    this.#sessionCount += 1;
    const session: WindowsSession = {
      id: `shell-${this.#sessionCount}`,
      isClientAlive,
      phase: 'open',
      hold: undefined,
      writers: [],
      diskUuids: [],
      onChange: () => undefined,
    };
    this.sessions.set(session.id, session);
    this.#watchIdle(session);
    return session;
  }

  prepare(session: WindowsSession, diskUuids: readonly string[]): void {
    session.phase = 'prepared';
    session.writers = this.options.makeWriters();
    session.diskUuids = diskUuids;
  }

  /** Writers and file systems take their time; only then are writes held, or the set fails and nothing is. */
  beginFreeze(session: WindowsSession): void {
    if (session.phase !== 'prepared' || !this.sessions.has(session.id)) return;
    const { slowShare, failShare, vetoShare, leaseMs } = this.options;
    session.phase = 'freezing';
    const isCalm = this.options.isCalm?.() ?? false;
    const durationMs =
      !isCalm && this.#random.chance(slowShare) ? this.#random.between(3000, 75_000) : this.#random.between(20, 900);
    const fails = !isCalm && this.#random.chance(failShare);
    const finishes = isCalm || !this.#random.chance(vetoShare);
    // Timers of a busy guest are late.
    const lateMs = this.#random.between(0, 300);
    this.#timeline.after(durationMs, () => {
      if (session.phase !== 'freezing') return;
      if (fails || this.isFrozen) {
        this.#change(session, 'failed');
        return;
      }
      const hold: WindowsHold = {
        frozenAtMs: this.#timeline.nowMs,
        endedAtMs: undefined,
        endedBy: undefined,
        finishes,
        diskUuids: session.diskUuids,
        writers: session.writers,
      };
      session.hold = hold;
      this.#holds.push(hold);
      this.#timeline.after(leaseMs + lateMs, () => this.#end(session, 'lease'));
      this.#change(session, 'held');
    });
  }

  release(session: WindowsSession): void {
    if (session.phase === 'held') this.#end(session, 'ours');
  }

  /** A freeze that is still on its way finds nothing to freeze. */
  abort(session: WindowsSession): void {
    if (session.phase === 'prepared' || session.phase === 'freezing') this.#change(session, 'failed');
  }

  endSession(id: string): void {
    const session = this.sessions.get(id);
    if (!session) return;
    this.sessions.delete(id);
    if (session.phase === 'held') this.#end(session, 'other');
    else this.abort(session);
  }

  restart(): void {
    for (const id of [...this.sessions.keys()]) this.endSession(id);
  }

  #end(session: WindowsSession, by: HoldEnd): void {
    const { hold } = session;
    if (!hold || hold.endedAtMs !== undefined) return;
    hold.endedAtMs = this.#timeline.nowMs;
    hold.endedBy = by;
    this.#change(session, 'over');
  }

  #change(session: WindowsSession, phase: SessionPhase): void {
    session.phase = phase;
    session.onChange();
  }

  #watchIdle(session: WindowsSession): void {
    this.#timeline.after(IDLE_LIMIT_MS, () => {
      if (!this.sessions.has(session.id)) return;
      if (session.isClientAlive()) this.#watchIdle(session);
      else this.endSession(session.id);
    });
  }
}
