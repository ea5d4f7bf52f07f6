import type { TrueHold } from '../oracle.ts';
import type { Random } from '../random.ts';
import type { Timeline } from '../timeline.ts';
import type { FreezeSession, GuestMachine } from './guest-machine.ts';
import type { WriterHistory } from './windows-machine.ts';

/** A set of shadow copies, one of each volume. It outlives whoever asked for it, and restarts. */
interface ShadowSet {
  readonly id: string;
  readonly owner: 'ours' | 'stranger';
  readonly disks: readonly string[];
  readonly writers: readonly WriterHistory[];
  readonly madeAtMs: number;
  goneAtMs: number | undefined;
}

/** What a run brings into the guest: its folder, and the set that the log in it tells of. */
interface RunFolder extends FreezeSession {
  setId: string | undefined;
  /** Ends a diskshadow that works for it. */
  stop: (() => void) | undefined;
}

export interface DiskshadowOptions {
  readonly name: string;
  /** Disks that hold a volume. */
  readonly volumeDisks: readonly string[];
  readonly slowShare: number;
  /** Share of sets that fail, and of those that are lost later, as the guest wrote more than fits. */
  readonly troubleShare: number;
  /** True: nothing is slow and nothing fails any more. */
  readonly isCalm: () => boolean;
  readonly makeWriters: () => readonly WriterHistory[];
}

/** A Windows Server in which diskshadow makes shadow copies: VSS lets go before anybody is told, and the copies stay until they are removed. */
export class DiskshadowMachine implements GuestMachine {
  readonly options: DiskshadowOptions;
  readonly strategy = 'vss-diskshadow';
  readonly leaseMs = 0;
  /** Of VSS itself, which ends by itself within its 10 s. */
  readonly isFrozen = false;
  readonly standstills = [];
  readonly sessions = new Map<string, RunFolder>();
  /** Copies of others that were removed. */
  readonly trespasses: string[] = [];
  readonly #sets: ShadowSet[] = [];
  readonly #timeline: Timeline;
  readonly #random: Random;
  #count = 0;

  constructor(timeline: Timeline, random: Random, options: DiskshadowOptions) {
    this.#timeline = timeline;
    this.#random = random;
    this.options = options;
    this.#add('stranger', options.volumeDisks, []);
  }

  get name(): string {
    return this.options.name;
  }

  /** Spans in which a set was there: what it shows stood still, whatever is done to the volumes. */
  get trueHolds(): readonly TrueHold[] {
    return this.#sets
      .filter(({ owner }) => owner === 'ours')
      .map(({ disks, writers, madeAtMs, goneAtMs }) => ({
        guest: this.strategy,
        fromMs: madeAtMs,
        untilMs: goneAtMs,
        flushed: true,
        diskUuids: disks,
        applications: writers.map(({ before, quiesced }) => ({ required: before.required, quiesced })),
      }));
  }

  /** Ids of our own sets that are there. */
  get leftSets(): readonly string[] {
    return this.#sets.filter(({ owner, goneAtMs }) => owner === 'ours' && goneAtMs === undefined).map(({ id }) => id);
  }

  makeFolder(id: string): void {
    if (this.sessions.has(id)) return;
    const folder: RunFolder = {
      id,
      phase: 'open',
      hold: undefined,
      onChange: () => undefined,
      setId: undefined,
      stop: undefined,
    };
    this.sessions.set(id, folder);
  }

  /** `done` is told the set, or nothing when none was made. The log knows of a set from the moment it is there. */
  create(folderId: string, disks: readonly string[], done: (setId: string | undefined) => void): void {
    const folder = this.sessions.get(folderId);
    if (!folder || folder.stop) {
      done(undefined);
      return;
    }
    const { slowShare, troubleShare, isCalm, makeWriters } = this.options;
    const isSlow = !isCalm() && this.#random.chance(slowShare);
    const fails = !isCalm() && this.#random.chance(troubleShare);
    const writers = makeWriters();
    const cancel = this.#timeline.after(
      isSlow ? this.#random.between(5000, 150_000) : this.#random.between(300, 4000),
      () => {
        folder.stop = undefined;
        // A verified writer that does not come to rest: VSS makes no copies then.
        const isVetoed = writers.some(
          ({ before, quiesced }) => before.required && !quiesced && this.#random.chance(0.5),
        );
        if (!fails && !isVetoed) folder.setId = this.#add('ours', disks, writers).id;
        done(folder.setId);
      },
    );
    folder.stop = () => {
      cancel();
      folder.stop = undefined;
      done(undefined);
    };
  }

  /** Disks whose copies are there. */
  disksOf(setId: string): readonly string[] {
    return this.#sets.find(({ id, goneAtMs }) => id === setId && goneAtMs === undefined)?.disks ?? [];
  }

  writersOf(setId: string): readonly WriterHistory[] {
    return this.#sets.find(({ id }) => id === setId)?.writers ?? [];
  }

  /** Ends a diskshadow that works, removes the set that the caller or the log knows, and the folder. */
  cleanUp(folderId: string, told: string | undefined): void {
    const folder = this.sessions.get(folderId);
    folder?.stop?.();
    const setId = told ?? folder?.setId;
    if (setId !== undefined) this.#remove(setId);
    this.sessions.delete(folderId);
  }

  /** A diskshadow at work is gone with it; folders and copies stay. */
  restart(): void {
    for (const folder of this.sessions.values()) folder.stop?.();
  }

  #add(owner: ShadowSet['owner'], disks: readonly string[], writers: readonly WriterHistory[]): ShadowSet {
    this.#count += 1;
    const set: ShadowSet = {
      id: `set-${this.#count}`,
      owner,
      disks,
      writers,
      madeAtMs: this.#timeline.nowMs,
      goneAtMs: undefined,
    };
    this.#sets.push(set);
    if (owner === 'ours' && !this.options.isCalm() && this.#random.chance(this.options.troubleShare))
      this.#timeline.after(this.#random.between(0, 20_000), () => {
        set.goneAtMs ??= this.#timeline.nowMs;
      });
    return set;
  }

  #remove(setId: string): void {
    const set = this.#sets.find(({ id }) => id === setId);
    if (!set || set.goneAtMs !== undefined) return;
    if (set.owner === 'stranger') this.trespasses.push(`removed shadow copies ${setId} in ${this.name}`);
    set.goneAtMs = this.#timeline.nowMs;
  }
}
