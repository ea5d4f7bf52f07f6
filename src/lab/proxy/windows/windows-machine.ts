import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type DiskLayout, type LabPartition, readLayout } from './disk-layout.ts';
import { readerOfUnwritten, writeMountRecord, writeNewSignature } from './disk-writes.ts';
import { StorageError } from './storage-error.ts';
import { VolumeShadows } from './volume-shadows.ts';

export type SanPolicy = 'OnlineAll' | 'OfflineShared' | 'OfflineAll' | 'OfflineInternal';

/** Of MSFT_Disk. */
export const OFFLINE_REASON = { none: 0, policy: 1, redundantPath: 2, collision: 4 } as const;

export interface LabVolume {
  readonly partition: LabPartition;
  /** `\\?\Volume{…}\` */
  readonly path: string;
  readonly accessPaths: string[];
}

export interface LabDisk {
  readonly number: number;
  readonly wwn: string;
  /** Real Windows has a device interface path here; the lab's is the file itself, so that it can be opened. */
  readonly path: string;
  readonly sizeBytes: number;
  isOffline: boolean;
  offlineReason: number;
  isReadOnly: boolean;
  layout: DiskLayout;
  volumes: LabVolume[];
  /** Volumes that were mounted while the disk could be written: their logs have no more to replay. */
  readonly replayed: Set<number>;
}

/** A letter for each volume that the mount manager does not know as one without. */
const LETTERS = 'EFGHIJKLMNOPQRSTUVWXYZ';

/**
 * Disks of a Windows machine, as files named `wwn-0x<32 hex>` in a folder. What comes to the folder or leaves it is seen by a rescan only.
 * Nothing is mounted for real: an access path is a word in its records, and the folder stays as empty as it was, as if the volume were.
 * To volumes of disks that are online and can be written it writes all the same, as Windows does, whoever uses them or nobody.
 * Who removes the folder removes the mount point, as RemoveDirectory does.
 */
export class WindowsMachine {
  readonly #folder: string;
  readonly policy: SanPolicy;
  readonly hasMpio: boolean;
  readonly isElevated: boolean;
  readonly shadows = new VolumeShadows();
  readonly #disks = new Map<string, LabDisk>();
  readonly #withoutLetter = new Set<string>();

  constructor(
    folder: string,
    options: { readonly policy?: SanPolicy; readonly hasMpio?: boolean; readonly isElevated?: boolean } = {},
  ) {
    this.#folder = folder;
    this.policy = options.policy ?? 'OfflineShared';
    this.hasMpio = options.hasMpio ?? true;
    this.isElevated = options.isElevated ?? true;
  }

  get disks(): readonly LabDisk[] {
    const disks = [...this.#disks.values()];
    for (const { accessPaths } of disks.flatMap(({ volumes }) => volumes)) {
      const left = accessPaths.filter((one) => !path.isAbsolute(one) || existsSync(one));
      accessPaths.splice(0, accessPaths.length, ...left);
    }
    return disks;
  }

  rescan(): void {
    const names = readdirSync(this.#folder).filter((name) => /^wwn-0x[0-9a-f]{32}$/.test(name));
    for (const [name, { volumes }] of this.#disks) {
      if (names.includes(name.replace(/ .*/, ''))) continue;
      this.#disks.delete(name);
      for (const volume of volumes) this.shadows.leave(volume.path);
    }
    for (const name of names) {
      // Two paths lead to every disk of an array.
      for (const key of this.hasMpio ? [name] : [name, `${name} (second path)`]) {
        if (!this.#disks.has(key)) this.#arrive(key, path.join(this.#folder, name), name.slice('wwn-0x'.length));
      }
    }
    this.work();
  }

  /** Time passes. */
  work(): void {
    for (const disk of this.disks) writeToVolumes(disk);
  }

  #arrive(key: string, file: string, wwn: string): void {
    const isSecondPath = this.disks.some((disk) => disk.wwn === wwn);
    const layout = readLayout(file);
    const collides = this.#isTaken(layout.signature);
    const isOffline = this.policy !== 'OnlineAll' || isSecondPath || collides;
    const reason = isSecondPath ? 'redundantPath' : collides ? 'collision' : isOffline ? 'policy' : 'none';
    const numbers = this.disks.map(({ number }) => number);
    // Number 0 is the system's own.
    const number = Array.from({ length: numbers.length + 1 }, (_, i) => i + 1).find((n) => !numbers.includes(n)) ?? 1;
    const disk: LabDisk = {
      number,
      wwn,
      path: file,
      sizeBytes: statSync(file).size,
      isOffline: true,
      offlineReason: OFFLINE_REASON[reason],
      // Offline by policy is read-only, too.
      isReadOnly: isOffline && !isSecondPath,
      layout,
      volumes: [],
      replayed: new Set(),
    };
    this.#disks.set(key, disk);
    if (!isOffline) this.#online(disk);
  }

  #isTaken(signature: string | undefined): boolean {
    return this.disks.some(
      ({ isOffline, layout }) => !isOffline && signature !== undefined && layout.signature === signature,
    );
  }

  setOffline(disk: LabDisk, offline: boolean): void {
    if (offline) {
      // Volumes are dismounted.
      writeToVolumes(disk);
      disk.isOffline = true;
      disk.offlineReason = OFFLINE_REASON.policy;
      for (const volume of disk.volumes) this.shadows.leave(volume.path);
      disk.volumes = [];
      return;
    }
    if (!disk.isOffline) return;
    if (disk.offlineReason === OFFLINE_REASON.redundantPath) throw new StorageError(41000, 'the disk is a second path');
    disk.layout = readLayout(disk.path);
    if (this.#isTaken(disk.layout.signature)) this.#newSignature(disk);
    this.#online(disk);
  }

  /** Going online, Windows gives a disk another identity than the one that is taken. */
  #newSignature(disk: LabDisk): void {
    if (disk.isReadOnly) throw new StorageError(41000, 'the signature is taken, and the disk is read-only');
    writeNewSignature(disk.path, disk.layout);
    disk.layout = readLayout(disk.path);
  }

  #online(disk: LabDisk): void {
    disk.isOffline = false;
    disk.offlineReason = OFFLINE_REASON.none;
    this.refresh(disk);
  }

  /** Reads the layout anew and makes the volumes of it. */
  refresh(disk: LabDisk): void {
    disk.layout = readLayout(disk.path);
    if (disk.isOffline) return;
    const known = disk.volumes;
    disk.volumes = disk.layout.partitions.filter(makesVolume).map((partition) => {
      const at = known.find((volume) => volume.partition.offsetBytes === partition.offsetBytes);
      if (partition.fileSystem !== '' && !disk.isReadOnly) disk.replayed.add(partition.offsetBytes);
      return at ?? this.#arrivedVolume(disk, partition);
    });
    writeToVolumes(disk);
  }

  /** volsnap has to write to a volume that holds shadow copies: of others nobody hears. */
  #arrivedVolume(disk: LabDisk, partition: LabPartition): LabVolume {
    const volume = this.#newVolume(disk, partition);
    if (partition.fileSystem !== 'NTFS' || disk.isReadOnly) return volume;
    this.shadows.arrive(volume.path, readerOfUnwritten(disk.path, partition));
    return volume;
  }

  #newVolume(disk: LabDisk, partition: LabPartition): LabVolume {
    const volumePath = `\\\\?\\Volume{${randomUUID()}}\\`;
    const used = this.disks.flatMap(({ volumes }) => volumes.flatMap(({ accessPaths }) => accessPaths));
    const letter = [...LETTERS].map((one) => `${one}:\\`).find((one) => !used.includes(one));
    const isKnown = this.#withoutLetter.has(`${disk.layout.signature} ${partition.offsetBytes}`);
    const getsLetter = !isKnown && !WITHOUT_LETTER.includes(partition.gptType ?? '');
    return { partition, path: volumePath, accessPaths: [...(letter && getsLetter ? [letter] : []), volumePath] };
  }

  addAccessPath(volume: LabVolume, folder: string): void {
    const isTaken = this.disks.some((disk) => disk.volumes.some(({ accessPaths }) => accessPaths.includes(folder)));
    if (isTaken) throw new StorageError(42002, 'the requested access path is already in use');
    let names: readonly string[];
    try {
      names = readdirSync(folder);
    } catch {
      throw new StorageError(42007, 'the access path is not valid');
    }
    if (names.length > 0) throw new StorageError(42007, 'the access path is not valid: the folder is not empty');
    volume.accessPaths.push(folder);
  }

  removeAccessPath(disk: LabDisk, volume: LabVolume, accessPath: string): void {
    const at = volume.accessPaths.indexOf(accessPath);
    if (at < 0) throw new StorageError(42007, 'the access path is not valid');
    volume.accessPaths.splice(at, 1);
    if (/^[A-Z]:/.test(accessPath)) this.#withoutLetter.add(`${disk.layout.signature} ${volume.partition.offsetBytes}`);
  }
}

function writeToVolumes({ path: file, isOffline, isReadOnly, volumes }: LabDisk): void {
  if (isOffline || isReadOnly) return;
  for (const { partition } of volumes) writeMountRecord(file, partition);
}

const BASIC_DATA = '{ebd0a0a2-b9e5-4433-87c0-68b6b72699c7}';
/** EFI system and recovery partitions: volumes that the mount manager gives no letter to (MSFT_Partition, GptType). */
const WITHOUT_LETTER = ['{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}', '{de94bba4-06d1-4d40-a16a-bfd50179d6ac}'];
const makesVolume = ({ gptType, mbrType }: LabPartition): boolean =>
  gptType === undefined ? mbrType !== 0x42 : [BASIC_DATA, ...WITHOUT_LETTER].includes(gptType);
