import type { FrozenFileSystem } from '../../../src/ports/guest.ts';
import type { TrueHold } from '../oracle.ts';
import type { Random } from '../random.ts';
import type { Timeline } from '../timeline.ts';
import type { FreezableMachine, FreezeSession, Hold, HoldEnd, SessionPhase } from './guest-machine.ts';
import { applicationTruths, type ScriptHistory } from './guest-scripts.ts';

export interface SimFileSystem {
  readonly mountPoint: string;
  readonly diskUuids: readonly string[];
  /** False: of a kind that goes on changing whatever is asked of it. */
  readonly isFreezable: boolean;
}

/** From the first file system that was frozen to the last that was thawed. */
interface Standstill extends Hold {
  readonly startedAtMs: number;
  /** When the last one was frozen: from then on all of them stood still. */
  frozenAtMs: number;
  /** When the first of them could be written again. */
  brokenAtMs: number | undefined;
  endedAtMs: number | undefined;
  endedBy: HoldEnd | undefined;
  readonly lost: Set<string>;
}

export interface LinuxSession extends FreezeSession {
  readonly isClientAlive: () => boolean;
  /** The channel to the client; when it breaks the helper sees the end of its input, sooner or later. */
  isConnected: boolean;
  /** Keeper, watchdog and thawer were killed at once: nothing ends the freeze any more but its record. */
  isUnguarded: boolean;
  phase: SessionPhase;
  hold: Standstill | undefined;
  fileSystems: readonly SimFileSystem[];
  diskUuids: readonly string[];
  scripts: readonly ScriptHistory[];
}

export interface LinuxOptions {
  readonly name: string;
  readonly fileSystems: readonly SimFileSystem[];
  readonly swapDisks: readonly string[];
  readonly leaseMs: number;
  /** Applications that the settings name. */
  readonly required: readonly string[];
  /** Share of freezes that have much to write back, before and within FIFREEZE. */
  readonly slowShare: number;
  /** Share of freezes into which strangers freeze or thaw. */
  readonly strangerShare: number;
  readonly isCalm?: () => boolean;
  /** Do all guards of this hold die while everything stands still? Absent: never. */
  readonly guardsDie?: () => boolean;
  readonly makeScripts: () => readonly ScriptHistory[];
}

/** How soon the helper sees that its client is gone. */
const LOOK_EVERY_MS = 5000;
/** A Linux guest: several file systems, strangers who freeze and thaw as well, scripts, and a helper with a lease. */
export class LinuxMachine implements FreezableMachine<LinuxSession> {
  readonly options: LinuxOptions;
  readonly strategy = 'linux-fsfreeze';
  readonly sessions = new Map<string, LinuxSession>();
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #history: { readonly hold: Standstill; readonly session: LinuxSession }[] = [];
  /** Who froze each file system that stands still. */
  readonly #frozenBy = new Map<string, LinuxSession | 'stranger'>();
  #sessionCount = 0;

  constructor(timeline: Timeline, random: Random, options: LinuxOptions) {
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
    return [...this.#frozenBy.values()].some((by) => by !== 'stranger');
  }

  get standstills() {
    return this.#history.map(({ hold, session: { isUnguarded } }) => ({
      fromMs: hold.startedAtMs,
      untilMs: hold.endedAtMs,
      isUnguarded,
    }));
  }

  get trueHolds(): readonly TrueHold[] {
    return this.#history.flatMap(({ hold, session }) =>
      Number.isFinite(hold.frozenAtMs)
        ? [
            {
              guest: this.strategy,
              fromMs: hold.frozenAtMs,
              untilMs: hold.brokenAtMs,
              // FIFREEZE writes back what is dirty before it answers.
              flushed: true,
              diskUuids: this.heldDisks(session),
              applications: applicationTruths(session.scripts, this.options.required),
            },
          ]
        : [],
    );
  }

  /** Captured disks on which nothing could change while all file systems of the session stood still. */
  heldDisks({ diskUuids, fileSystems }: LinuxSession): readonly string[] {
    const all = this.options.fileSystems;
    return diskUuids.filter((disk) => {
      const onDisk = all.filter(({ diskUuids: disks }) => disks.includes(disk));
      if (onDisk.length === 0) return this.options.swapDisks.includes(disk);
      return onDisk.every((one) => fileSystems.includes(one));
    });
  }

  /** How each file system came through, as the helper saw it. */
  fileSystemsAfter({ fileSystems, hold }: LinuxSession): readonly FrozenFileSystem[] {
    return fileSystems.map(({ mountPoint }) => ({
      name: mountPoint,
      frozen: hold !== undefined && Number.isFinite(hold.frozenAtMs),
      heldToTheEnd: hold?.endedBy === 'ours' && !hold.lost.has(mountPoint),
    }));
  }

  openSession(isClientAlive: () => boolean): LinuxSession {
    // A helper that starts thaws what the records of dead sessions name.
    for (const { id, isUnguarded } of [...this.sessions.values()]) if (isUnguarded) this.endSession(id);
    this.#sessionCount += 1;
    const session: LinuxSession = {
      id: this.#sessionCount.toString(16).padStart(32, '0'),
      isClientAlive,
      isConnected: true,
      isUnguarded: false,
      phase: 'open',
      hold: undefined,
      fileSystems: [],
      diskUuids: [],
      scripts: [],
      onChange: () => undefined,
    };
    this.sessions.set(session.id, session);
    this.#watchClient(session);
    return session;
  }

  inspect(session: LinuxSession, diskUuids: readonly string[]): void {
    session.diskUuids = diskUuids;
    session.fileSystems = this.options.fileSystems.filter(
      ({ isFreezable, diskUuids: disks }) => isFreezable && disks.some((disk) => diskUuids.includes(disk)),
    );
  }

  /**
   * Runs the scripts. False: one of them failed, and all were told that nothing comes of it. A session that is neither frozen
   * nor ended in that time ends by itself.
   */
  quiet(session: LinuxSession, lifeMs: number): boolean {
    session.scripts = this.options.makeScripts();
    if (session.scripts.some(({ freezeExit }) => freezeExit !== 0)) {
      this.#change(session, 'failed');
      return false;
    }
    session.phase = 'prepared';
    this.#timeline.after(lifeMs, () => {
      if (session.phase === 'prepared') this.endSession(session.id);
    });
    return true;
  }

  /** Syncs, arms the lease, then freezes one file system after the other. One that somebody froze already ends it. */
  beginFreeze(session: LinuxSession): void {
    if (session.phase !== 'prepared' || !this.sessions.has(session.id)) return;
    session.phase = 'freezing';
    const { slowShare, leaseMs, strangerShare } = this.options;
    const isSlow = this.#isRestless && this.#random.chance(slowShare);
    const syncMs = isSlow ? this.#random.between(1000, 70_000) : this.#random.between(5, 300);
    const lateMs = this.#random.between(0, 300);
    this.#timeline.after(syncMs, () => {
      if (session.phase !== 'freezing') return;
      this.#timeline.after(leaseMs + lateMs, () => session.isUnguarded || this.#end(session, 'lease'));
      if (this.#isRestless && this.#random.chance(strangerShare / 2)) this.#strangerFreezes();
      this.#freezeNext(session, [...session.fileSystems], isSlow ? 4000 : 60);
    });
  }

  release(session: LinuxSession): void {
    if (session.phase === 'held') this.#end(session, 'ours');
  }

  abort(session: LinuxSession): void {
    if (session.phase === 'prepared') this.#change(session, 'failed');
    else if (session.phase === 'freezing') this.#end(session, 'other');
  }

  /** By its keeper, or by its record. */
  endSession(id: string): void {
    const session = this.sessions.get(id);
    if (!session) return;
    this.sessions.delete(id);
    if (session.phase === 'held') this.#end(session, 'other');
    else this.abort(session);
  }

  restart(): void {
    for (const id of [...this.sessions.keys()]) this.endSession(id);
    this.#frozenBy.clear();
  }

  /** Another program of the guest freezes a file system for a while. */
  #strangerFreezes(): void {
    const free = this.options.fileSystems.filter(({ mountPoint }) => !this.#frozenBy.has(mountPoint));
    if (free.length === 0) return;
    const { mountPoint } = this.#random.pick(free);
    this.#frozenBy.set(mountPoint, 'stranger');
    this.#timeline.after(this.#random.between(2000, 60_000), () => {
      if (this.#frozenBy.get(mountPoint) === 'stranger') this.#frozenBy.delete(mountPoint);
    });
  }

  /** Somebody thaws what we froze. */
  #strangerThaws(): void {
    const ours = [...this.#frozenBy].filter(([, by]) => by !== 'stranger');
    if (ours.length === 0) return;
    const [mountPoint, by] = this.#random.pick(ours);
    this.#frozenBy.delete(mountPoint);
    if (by === 'stranger' || !by.hold) return;
    by.hold.lost.add(mountPoint);
    by.hold.brokenAtMs ??= this.#timeline.nowMs;
  }

  get #isRestless(): boolean {
    return !(this.options.isCalm?.() ?? false);
  }

  #freezeNext(session: LinuxSession, left: readonly SimFileSystem[], slowestMs: number): void {
    const [next, ...rest] = left;
    if (!next) {
      if (session.hold) session.hold.frozenAtMs = this.#timeline.nowMs;
      if (this.#isRestless && this.#random.chance(this.options.strangerShare))
        this.#timeline.after(this.#random.between(0, 2000), () => this.#strangerThaws());
      this.#change(session, session.hold ? 'held' : 'failed');
      if (session.hold && this.#isRestless && this.options.guardsDie?.()) {
        session.isUnguarded = true;
        session.isConnected = false;
      }
      return;
    }
    this.#timeline.after(this.#random.between(1, slowestMs), () => {
      // A FIFREEZE that returns after the end is thawed at once.
      if (session.phase !== 'freezing') return;
      if (this.#frozenBy.has(next.mountPoint)) {
        this.#end(session, 'other');
        return;
      }
      this.#frozenBy.set(next.mountPoint, session);
      session.hold ??= this.#begin(session);
      this.#freezeNext(session, rest, slowestMs);
    });
  }

  #begin(session: LinuxSession): Standstill {
    const hold: Standstill = {
      startedAtMs: this.#timeline.nowMs,
      frozenAtMs: Number.POSITIVE_INFINITY,
      brokenAtMs: undefined,
      endedAtMs: undefined,
      endedBy: undefined,
      lost: new Set(),
    };
    this.#history.push({ hold, session });
    return hold;
  }

  #end(session: LinuxSession, by: HoldEnd): void {
    if (session.phase !== 'freezing' && session.phase !== 'held') return;
    const wasHeld = session.phase === 'held';
    for (const [mountPoint, owner] of [...this.#frozenBy]) if (owner === session) this.#frozenBy.delete(mountPoint);
    const { hold } = session;
    if (hold) {
      hold.endedAtMs = this.#timeline.nowMs;
      hold.brokenAtMs ??= this.#timeline.nowMs;
      // A release that finds one thawed by somebody else is none.
      hold.endedBy = by === 'ours' && hold.lost.size > 0 ? 'other' : by;
    }
    this.#change(session, wasHeld ? 'over' : 'failed');
  }

  #change(session: LinuxSession, phase: SessionPhase): void {
    session.phase = phase;
    session.onChange();
  }

  /** The end of its input ends a session. */
  #watchClient(session: LinuxSession): void {
    this.#timeline.after(LOOK_EVERY_MS, () => {
      if (!this.sessions.has(session.id) || session.isUnguarded) return;
      if (session.isClientAlive() && session.isConnected) this.#watchClient(session);
      else this.endSession(session.id);
    });
  }
}
