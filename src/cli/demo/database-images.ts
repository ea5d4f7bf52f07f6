import { createHash } from 'node:crypto';
import path from 'node:path';
import type { BlockDevice } from '../../lab/devices/block-device.ts';
import { checkDatabase, type DatabaseCheck } from '../../lab/guest/database-check.ts';
import { fileBlockDevice } from '../../lab/guest/file-block-device.ts';
import type { Lab } from '../../lab/lab.ts';

/** One handed-over image as the pre hook's document lists it. */
export interface Image {
  readonly path: string;
  readonly sizeBytes: number;
  readonly dataBytes: number;
  readonly contentHash: { readonly value: string };
  /** The source device it shows. */
  readonly device: string;
}

/** The point in time itself, read from the array without any link. */
export function snapshotDevice(lab: Lab, device: string, name: string): BlockDevice {
  const snapshot = lab.store.snapshots(device).find((candidate) => candidate.name === name);
  if (!snapshot) throw new Error(`device ${device} has no snapshot ${name}`);
  return lab.store.readSnapshot(device, snapshot.snapId);
}

/** Opens the database found in a folder of images. */
export async function checkImages(lab: Lab, folder: string, images: readonly Image[]): Promise<DatabaseCheck> {
  const imageOf = (device: string) => {
    const image = images.find((candidate) => candidate.device === device);
    if (!image) throw new Error(`no image of device ${device}`);
    return fileBlockDevice(path.join(folder, image.path));
  };
  const { database, journal } = lab.databaseDevices;
  return checkDatabase(imageOf(database), imageOf(journal));
}

const LEAF_BYTES = 4 * 1024 * 1024;

/** The hash of a manifest, made anew: BLAKE2b-512 of the digests of 4 MiB each. */
export function hashOfDevice(device: BlockDevice, sizeBytes: number): string {
  const hash = createHash('blake2b512');
  for (let offset = 0; offset < sizeBytes; offset += LEAF_BYTES) {
    const leaf = device.read(offset, Math.min(LEAF_BYTES, sizeBytes - offset));
    hash.update(createHash('blake2b512').update(leaf).digest());
  }
  return hash.digest('hex');
}

export function hashOfFile(file: string): string {
  const device = fileBlockDevice(file);
  try {
    return hashOfDevice(device, device.sizeBytes);
  } finally {
    device.close();
  }
}
