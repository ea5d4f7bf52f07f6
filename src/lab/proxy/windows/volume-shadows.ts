import { randomUUID } from 'node:crypto';
import { readShadows, type StoredShadow } from '../../windows-guest/shadow-reader.ts';

/** A shadow copy that the machine knows. Ids have no braces. */
export interface MachineShadow {
  readonly id: string;
  readonly setId: string;
  /** Of its device object. */
  readonly number: number;
  /** Of the volume it lies in: `\\?\Volume{…}\`. */
  readonly volumePath: string;
  readonly machine: string;
  /** Reads the volume as it was; undefined: nobody looks into it in the lab. */
  readonly read: StoredShadow['read'] | undefined;
}

export const deviceObject = (number: number): string => `\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy${number}`;

/**
 * Shadow copies of a machine, as volsnap and VSS keep them: those that lie in a volume are known from the moment its disk went online and
 * could be written until it goes offline, each time under another number.
 */
export class VolumeShadows {
  #count = 0;
  #known: (MachineShadow & { queriesLeft: number })[] = [];
  /** So often VSS tells nothing of a shadow copy whose disk went online. */
  queriesUntilKnown = 0;
  /** Shadow copies of the machine's own disk. */
  readonly #own: MachineShadow[] = [];

  /** A volume on a disk that can be written came. */
  arrive(volumePath: string, read: StoredShadow['read']): void {
    for (const { shadowCopyId, setId, read: readShadow } of readShadows(read)) {
      this.#count += 1;
      this.#known.push({
        id: shadowCopyId,
        setId,
        number: this.#count,
        volumePath,
        machine: 'guest',
        read: readShadow,
        queriesLeft: this.queriesUntilKnown,
      });
    }
  }

  /** The volume is gone, or Windows has given its shadow copies up. */
  leave(volumePath: string): void {
    this.#known = this.#known.filter((shadow) => shadow.volumePath !== volumePath);
  }

  /** One that the machine makes of its system volume. */
  addOwn(id: string = randomUUID()): MachineShadow {
    this.#count += 1;
    const volumePath = '\\\\?\\Volume{6b9d2c31-0000-0000-0000-100000000000}\\';
    const own = { id, setId: randomUUID(), number: this.#count, volumePath, machine: 'proxy', read: undefined };
    this.#own.push(own);
    return own;
  }

  /** What VSS tells of. */
  query(): readonly MachineShadow[] {
    const told = this.#known.filter(({ queriesLeft }) => queriesLeft === 0);
    for (const shadow of this.#known) shadow.queriesLeft = Math.max(0, shadow.queriesLeft - 1);
    return [...this.#own, ...told];
  }

  /** The device is there before VSS tells of it. */
  at(number: number): MachineShadow | undefined {
    return [...this.#own, ...this.#known].find((shadow) => shadow.number === number);
  }
}
