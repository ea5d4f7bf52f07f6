import { plainSerial } from '../disk-serial.ts';
import type { HelperBlock, HelperMount } from './freeze-helper-protocol.ts';

/** What a block device or file system rests on. */
export interface Foundation {
  /** Names of whole disks, the lowest that the guest shows. */
  readonly disks: ReadonlySet<string>;
  /** Devices (`major:minor`) of file systems that hold images of loop devices on the way down. */
  readonly hosts: ReadonlySet<string>;
}

const NOTHING: Foundation = { disks: new Set(), hosts: new Set() };

const union = (parts: readonly Foundation[]): Foundation => ({
  disks: new Set(parts.flatMap(({ disks }) => [...disks])),
  hosts: new Set(parts.flatMap(({ hosts }) => [...hosts])),
});

/** The block devices of a guest and what each rests on: partitions, device mapper, md, btrfs, loop devices on file systems. */
export class BlockDevices {
  readonly #byName: ReadonlyMap<string, HelperBlock>;
  readonly #byDevice: ReadonlyMap<string, HelperBlock>;
  readonly #mounts: readonly HelperMount[];
  readonly #btrfs: readonly (readonly string[])[];
  /** Guards against a stack that rests on itself, which only a confused guest can show. */
  readonly #visiting = new Set<string>();

  constructor(facts: {
    readonly blocks: readonly HelperBlock[];
    readonly mounts: readonly HelperMount[];
    readonly btrfs: readonly (readonly string[])[];
  }) {
    this.#byName = new Map(facts.blocks.map((block) => [block.name, block]));
    this.#byDevice = new Map(facts.blocks.map((block) => [block.device, block]));
    this.#mounts = facts.mounts;
    this.#btrfs = facts.btrfs;
  }

  /** Names of the disks that show this serial; several are paths to one disk. */
  disksWithSerial(diskUuid: string): readonly string[] {
    const wanted = plainSerial(diskUuid);
    return [...this.#byName.values()]
      .filter(({ parent, slaves, serial, wwid }) => {
        const isDisk = parent === '' && slaves.length === 0;
        return isDisk && [serial, wwid.replace(/^(naa|eui|uuid)\./i, '')].map(plainSerial).includes(wanted);
      })
      .map(({ name }) => name);
  }

  /** `throughFiles`: what lies in the image of a loop device lies on the disks of that file. */
  foundationOfBlock(name: string, throughFiles = true): Foundation {
    const block = this.#byName.get(name);
    if (!block || this.#visiting.has(name)) return NOTHING;
    this.#visiting.add(name);
    try {
      if (block.parent !== '') return this.foundationOfBlock(block.parent, throughFiles);
      if (block.slaves.length > 0)
        return union(block.slaves.map((slave) => this.foundationOfBlock(slave, throughFiles)));
      if (block.backingFile !== '') return throughFiles ? this.#foundationOfFile(block.backingFile) : NOTHING;
      return { disks: new Set([name]), hosts: new Set() };
    } finally {
      this.#visiting.delete(name);
    }
  }

  /** Undefined: no block device is known to be under it. */
  foundationOfMount(mount: HelperMount): Foundation | undefined {
    const names = this.blocksOf(mount);
    return names && union(names.map((name) => this.foundationOfBlock(name)));
  }

  /**
   * Devices that rest on this disk and carry nothing else themselves: what uses them is a file system, swap, or unknown. What
   * lies in files of a file system is a matter of that file system.
   */
  topsOn(disk: string): readonly HelperBlock[] {
    const all = [...this.#byName.values()];
    const parents = new Set(all.map(({ parent }) => parent));
    const used = new Set(all.flatMap(({ slaves }) => slaves));
    return all.filter(({ name, parent }) => {
      // Who uses a whole disk (multipath) locks out its partitions: they are other names of what is used.
      const isFree = !parents.has(name) && !used.has(name) && !used.has(parent);
      return isFree && this.foundationOfBlock(name, false).disks.has(disk);
    });
  }

  /** The devices that a mounted file system uses itself; undefined: it does not tell. */
  blocksOf(mount: HelperMount): readonly string[] | undefined {
    const own = this.#byDevice.get(mount.device);
    if (own) return [own.name];
    if (mount.fileSystem !== 'btrfs') return undefined;
    // btrfs has a device number of its own, and the mount names one of the devices, maybe by an alias of device mapper.
    const named = this.#byName.get(mount.source.replace(/^\/dev\//, ''));
    const group = named && this.#btrfs.find((members) => members.includes(named.name));
    if (group) return group;
    const unnamed = this.#btrfs.filter((members) => !members.some((member) => this.#isNamed(member)));
    return unnamed.length === 0 ? undefined : unnamed.flat();
  }

  /** Some btrfs mount names this device itself. */
  #isNamed(name: string): boolean {
    return this.#mounts.some(({ fileSystem, source }) => fileSystem === 'btrfs' && source === `/dev/${name}`);
  }

  #foundationOfFile(file: string): Foundation {
    const holding = this.#mounts
      .filter(({ mountPoint }) => mountPoint === '/' || file === mountPoint || file.startsWith(`${mountPoint}/`))
      .reduce<HelperMount | undefined>(
        (best, mount) => (best && best.mountPoint.length > mount.mountPoint.length ? best : mount),
        undefined,
      );
    const below = holding && this.foundationOfMount(holding);
    if (!below) return NOTHING;
    return { disks: below.disks, hosts: new Set([...below.hosts, holding.device]) };
  }
}
