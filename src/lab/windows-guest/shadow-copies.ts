import { randomUUID } from 'node:crypto';
import type { HelperVolume } from '../../guest/windows/vss-helper-protocol.ts';
import type { BlockDevice } from '../devices/block-device.ts';
import type { EventLog } from '../world/events.ts';
import type { GuestDisk } from './guest-disks.ts';
import { ShadowedDisk } from './shadowed-disk.ts';

export type DiskshadowLanguage = 'english' | 'german' | 'french';

/** A persistent shadow copy, as `Win32_ShadowCopy` shows it. Ids have no braces. */
export interface VolumeShadow {
  readonly id: string;
  readonly setId: string;
  readonly volume: HelperVolume;
  readonly createdAt: Date;
  readonly deviceNumber: number;
}

/** What a test may turn of a guest's shadow copies. */
export class ShadowKnobs {
  /** What Windows says is free on each volume, whatever the disks of the lab hold. */
  freeBytes = 10 * 1024 ** 3;
  /** Of what diskshadow and vssadmin say. */
  language: DiskshadowLanguage = 'english';
  /** Client editions have no diskshadow. */
  edition: 'server' | 'client' = 'server';
  /** Associations that an administrator made: mount point of a volume and of the one that keeps its changes. */
  readonly storage = new Map<string, string>();
  /** diskshadow dies when it has made a set, before it says or logs anything of it. */
  diesUntold = false;
  /** Called when a set was made and writes flow again: what the guest's programs write then is in no shadow copy. */
  afterCreate: () => void = () => undefined;
}

interface Options {
  readonly guestName: string;
  readonly events: EventLog;
}

/** The shadow copies of the guest, which Windows keeps through every restart until somebody removes them. */
export class ShadowCopies {
  readonly #options: Options;
  readonly #disks = new Map<string, ShadowedDisk>();
  #copies: VolumeShadow[] = [];
  #count = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  get all(): readonly VolumeShadow[] {
    return this.#copies;
  }

  /** The disk with volsnap on it. */
  watch({ uuid, device, volumes }: GuestDisk): BlockDevice {
    const volumeId = volumes[0]?.guid ?? randomUUID();
    const disk = new ShadowedDisk(device, volumeId, () => this.#giveUp(uuid));
    this.#disks.set(uuid, disk);
    return disk;
  }

  create(setId: string, volumes: readonly HelperVolume[]): readonly VolumeShadow[] {
    const createdAt = new Date();
    const made = volumes.map((volume): VolumeShadow => {
      this.#count += 1;
      return { id: randomUUID(), setId, volume, createdAt, deviceNumber: this.#count };
    });
    for (const { id, volume } of made) {
      const copy = { shadowCopyId: id, setId, storeId: randomUUID(), createdAt };
      for (const uuid of volume.disks) this.#disks.get(uuid)?.addCopy(copy);
    }
    this.#copies = [...this.#copies, ...made];
    this.#log('shadow copies made', made);
    return made;
  }

  remove(copies: readonly VolumeShadow[]): void {
    for (const { id, volume } of copies) for (const uuid of volume.disks) this.#disks.get(uuid)?.removeCopy(id);
    this.#copies = this.#copies.filter((copy) => !copies.includes(copy));
    this.#log('shadow copies removed', copies);
  }

  #giveUp(uuid: string): void {
    const lost = this.#copies.filter(({ volume }) => volume.disks.includes(uuid));
    this.#copies = this.#copies.filter((copy) => !lost.includes(copy));
    this.#log('shadow copies given up for want of space', lost);
  }

  #log(operation: string, copies: readonly VolumeShadow[]): void {
    const { events, guestName } = this.#options;
    events.add('guest', 'effect', operation, guestName, {
      copies: copies.map(({ id, volume }) => `${volume.mountPoint} ${id}`),
    });
  }
}
