import { MAX_PARKED_SETS } from '../../guest/windows/vss-helper-protocol.ts';
import type { Pace } from '../world/pace.ts';
import { HRESULT, VssError } from './vss-codes.ts';
import type { SnapshotSet } from './vss-snapshot-set.ts';

const MS_PER_HOUR = 3_600_000;

interface Resident {
  readonly set: SnapshotSet;
  readonly timer: NodeJS.Timeout | undefined;
}

/** The service `snaphook-vss`: requestors of full backups that outlive the process they were made by. A start of the guest ends them. */
export class ResidentSets {
  readonly #sets = new Map<string, Resident>();
  readonly #pace: Pace;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  get count(): number {
    return this.#sets.size;
  }

  /** Refuses a set that could not be parked later. */
  requireRoom(name: string): void {
    if (this.#sets.has(name)) throw new VssError(HRESULT.objectAlreadyExists, `set "${name}" is parked already`);
    if (this.#sets.size >= MAX_PARKED_SETS) {
      throw new VssError(HRESULT.writerStatusNotAvailable, `${MAX_PARKED_SETS} sets are parked already`);
    }
  }

  /** Until it is taken away, or the hours are over: then it has failed. */
  park(name: string, set: SnapshotSet, hours: number): void {
    this.requireRoom(name);
    const end = () => {
      this.#sets.delete(name);
      set.complete(false);
    };
    const durationMs = this.#pace.scaledMs(hours * MS_PER_HOUR);
    this.#sets.set(name, { set, timer: setTimeout(end, durationMs).unref() });
  }

  get(name: string): SnapshotSet {
    const resident = this.#sets.get(name);
    if (!resident) throw new VssError(HRESULT.objectNotFound, `no set "${name}" is parked`);
    return resident.set;
  }

  /** Whoever takes it away ends it. */
  remove(name: string): void {
    clearTimeout(this.#sets.get(name)?.timer);
    this.#sets.delete(name);
  }

  failAll(): void {
    for (const [name, { set }] of this.#sets) {
      this.remove(name);
      set.complete(false);
    }
  }
}
