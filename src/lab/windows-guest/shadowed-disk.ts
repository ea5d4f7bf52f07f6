import type { BlockDevice } from '../devices/block-device.ts';
import { readDiskLayout } from '../proxy/windows/disk-layout.ts';
import { SHADOW_BLOCK_BYTES, type ShadowCopy, shadowAreaBytes, shadowPieces } from './shadow-store.ts';

/** What a file begins with, and consists of, in which the lab keeps shadow copies of the NTFS volume it lies in. */
export const SHADOW_AREA_TEXT = 'lab: here Windows keeps shadow copies;';

/** Copies beyond this have no place in one block of descriptors. */
const MOST_BLOCKS = 508;
/** The least that an NTFS gives to a file. */
const CLUSTER_BYTES = 4096;

interface LiveCopy extends ShadowCopy {
  readonly overwritten: Map<number, Uint8Array>;
}

interface Volume {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** From the start of the volume. */
  readonly area: { readonly offsetBytes: number; readonly sizeBytes: number };
}

/**
 * A disk below the volumes of a Windows guest, as volsnap works on it: before a block is overwritten for the first time since the newest
 * shadow copy, what was in it goes into the store, and the store is on the disk before the new data are. So whoever copies the disk at any
 * moment copies the shadow copies with it. One NTFS on a disk has them, if it has a file of `SHADOW_AREA_TEXT` for the store; where there
 * is none, a shadow copy has a name and leaves no bytes.
 */
export class ShadowedDisk implements BlockDevice {
  readonly #below: BlockDevice;
  readonly #volumeId: string;
  /** Windows gives all copies of the volume up when there is no room for changes. */
  readonly #onFull: () => void;
  #volume: Volume | undefined;
  readonly #copies: LiveCopy[] = [];
  #written = new Map<number, Uint8Array>();

  constructor(below: BlockDevice, volumeId: string, onFull: () => void) {
    this.#below = below;
    this.#volumeId = volumeId;
    this.#onFull = onFull;
  }

  get sizeBytes(): number {
    return this.#below.sizeBytes;
  }

  read(offsetBytes: number, lengthBytes: number): Buffer {
    return this.#below.read(offsetBytes, lengthBytes);
  }

  write(offsetBytes: number, data: Uint8Array): void {
    this.#keepOld(offsetBytes, data.length);
    this.#below.write(offsetBytes, data);
  }

  addCopy(copy: Omit<ShadowCopy, 'overwritten'>): void {
    // The file is known by what is in it only until a store is: its room is the same for every later copy.
    this.#volume ??= findVolume(this.#below);
    if (!this.#volume) return;
    this.#copies.push({ ...copy, overwritten: new Map() });
    this.#writeStore(this.#volume);
  }

  removeCopy(shadowCopyId: string): void {
    const index = this.#copies.findIndex((copy) => copy.shadowCopyId === shadowCopyId);
    const [gone] = index === -1 ? [] : this.#copies.splice(index, 1);
    if (!gone || !this.#volume) return;
    // An older copy is read through the newer ones.
    const older = this.#copies[index - 1];
    for (const [at, data] of gone.overwritten) if (older && !older.overwritten.has(at)) older.overwritten.set(at, data);
    this.#writeStore(this.#volume);
  }

  #keepOld(offsetBytes: number, lengthBytes: number): void {
    const volume = this.#volume;
    const newest = this.#copies.at(-1);
    if (!volume || !newest) return;
    const from = Math.max(0, offsetBytes - volume.offsetBytes);
    const to = Math.min(volume.sizeBytes, offsetBytes + lengthBytes - volume.offsetBytes);
    const before = newest.overwritten.size;
    for (let at = from - (from % SHADOW_BLOCK_BYTES); at < to; at += SHADOW_BLOCK_BYTES) {
      if (newest.overwritten.has(at) || at + SHADOW_BLOCK_BYTES > volume.sizeBytes) continue;
      newest.overwritten.set(at, this.#below.read(volume.offsetBytes + at, SHADOW_BLOCK_BYTES));
    }
    if (newest.overwritten.size === before) return;
    if (
      newest.overwritten.size > MOST_BLOCKS ||
      shadowAreaBytes(volume.sizeBytes, this.#copies) > volume.area.sizeBytes
    ) {
      this.#copies.length = 0;
      this.#onFull();
    }
    this.#writeStore(volume);
  }

  #writeStore(volume: Volume): void {
    const { sizeBytes, offsetBytes, area } = volume;
    const pieces = shadowPieces(
      { volumeId: this.#volumeId, sizeBytes, areaOffsetBytes: area.offsetBytes },
      this.#copies,
    );
    const written = new Map<number, Uint8Array>();
    for (const { offsetBytes: at, data } of pieces) {
      const known = this.#written.get(at);
      if (known !== data && !(known && Buffer.from(known).equals(data))) this.#below.write(offsetBytes + at, data);
      written.set(at, data);
    }
    this.#written = written;
  }
}

/** The first NTFS on the disk that has room for a store. */
function findVolume(disk: BlockDevice): Volume | undefined {
  const whole = { fileSystem: 'NTFS', offsetBytes: 0, sizeBytes: disk.sizeBytes };
  const isNtfs = disk.read(3, 8).toString('latin1') === 'NTFS    ';
  const places = isNtfs ? [whole] : readDiskLayout((at, length) => disk.read(at, length)).partitions;
  for (const { fileSystem, offsetBytes, sizeBytes } of places) {
    const area = fileSystem === 'NTFS' ? findArea(disk, offsetBytes, sizeBytes) : undefined;
    if (area) return { offsetBytes, sizeBytes, area };
  }
  return undefined;
}

function findArea(disk: BlockDevice, volumeBytes: number, sizeBytes: number): Volume['area'] | undefined {
  const isAreaAt = (at: number) =>
    at + CLUSTER_BYTES <= sizeBytes && disk.read(volumeBytes + at, CLUSTER_BYTES).includes(SHADOW_AREA_TEXT);
  let from = 0;
  while (from < sizeBytes && !isAreaAt(from)) from += CLUSTER_BYTES;
  let to = from;
  while (isAreaAt(to)) to += CLUSTER_BYTES;
  const start = Math.ceil(from / SHADOW_BLOCK_BYTES) * SHADOW_BLOCK_BYTES;
  return to - start < SHADOW_BLOCK_BYTES ? undefined : { offsetBytes: start, sizeBytes: to - start };
}
