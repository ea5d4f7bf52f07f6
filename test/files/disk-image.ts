import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { must, newFolder } from './stage.ts';

export const MIB = 1024 * 1024;
const SECTOR_BYTES = 512;

export type Kind = 'ext4' | 'xfs' | 'btrfs' | 'ntfs';

const MAKE: Readonly<Record<Kind, readonly [program: string, ...options: string[]]>> = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
  ntfs: ['mkfs.ntfs', '-q', '-F'],
};

/** As small as the programs that make them allow. */
export const SIZE_BYTES: Readonly<Record<Kind, number>> = {
  ext4: 32 * MIB,
  xfs: 300 * MIB,
  btrfs: 112 * MIB,
  ntfs: 16 * MIB,
};

export interface Partition {
  readonly sizeBytes: number;
  /** In the words of sfdisk; default: Linux. */
  readonly type?: string;
  /** A file system, or bytes at the start of the partition. */
  readonly content: Kind | Buffer;
  readonly uuid?: string;
}

/** A sparse file of that size. */
export function emptyImage(file: string, sizeBytes: number): void {
  const descriptor = openSync(file, 'w');
  ftruncateSync(descriptor, sizeBytes);
  closeSync(descriptor);
}

/** A disk with a partition table; `startOf` tells where each partition begins. */
export function partitionDisk(file: string, label: 'gpt' | 'dos', partitions: readonly Partition[]): readonly number[] {
  const starts = partitions.map(
    (_, index) => MIB + partitions.slice(0, index).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  const lines = partitions.map(
    ({ sizeBytes, type = 'linux' }, index) =>
      `start=${(starts[index] ?? 0) / SECTOR_BYTES}, size=${sizeBytes / SECTOR_BYTES}, type=${type}`,
  );
  must('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', file], `label: ${label}\n${lines.join('\n')}\n`);
  for (const [index, { sizeBytes, content, uuid }] of partitions.entries()) {
    const offsetBytes = starts[index] ?? 0;
    if (typeof content === 'string') makeFileSystem(file, { offsetBytes, sizeBytes }, content, uuid);
    else writeAt(file, offsetBytes, content);
  }
  return starts;
}

export function writeAt(file: string, offsetBytes: number, data: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, data, 0, data.length, offsetBytes);
  closeSync(descriptor);
}

const UUID_OPTION = {
  ext4: (uuid: string) => ['-U', uuid],
  xfs: (uuid: string) => ['-m', `uuid=${uuid}`],
  btrfs: (uuid: string) => ['-U', uuid],
  ntfs: () => [],
};

export interface Stretch {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Gives the stretch of the file as a device to the work, detached at its end. */
function asDevice<Result>(file: string, { offsetBytes, sizeBytes }: Stretch, work: (device: string) => Result): Result {
  const place = ['--offset', String(offsetBytes), '--sizelimit', String(sizeBytes)];
  const device = must('losetup', ['--find', '--show', ...place, file]);
  try {
    return work(device);
  } finally {
    must('losetup', ['--detach', device]);
  }
}

export function makeFileSystem(file: string, stretch: Stretch, kind: Kind, uuid?: string): void {
  const [program, ...options] = MAKE[kind];
  asDevice(file, stretch, (device) =>
    must(program, [...options, ...(uuid === undefined ? [] : UUID_OPTION[kind](uuid)), device]),
  );
}

/** Mounts it to be written, as its guest does. */
export function inGuest<Result>(
  file: string,
  stretch: Stretch,
  kind: Kind,
  work: (mountPoint: string) => Result,
): Result {
  const mountPoint = newFolder('guest');
  return asDevice(file, stretch, (device) => {
    must('mount', ['-t', kind === 'ntfs' ? 'ntfs-3g' : kind, device, mountPoint]);
    try {
      return work(mountPoint);
    } finally {
      must('umount', [mountPoint]);
    }
  });
}

/** Files of several sizes in folders. */
export function writeFiles(folder: string, seed: string): void {
  for (let index = 0; index < 12; index += 1) {
    const place = path.join(folder, `folder ${index % 3}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(path.join(place, `file-${index}`), contentOf(`${seed}-${index}`, 1 + index * 7000));
  }
}

function contentOf(seed: string, length: number): Buffer {
  const block = createHash('sha512').update(seed).digest();
  return Buffer.concat(Array.from({ length: Math.ceil(length / block.length) }, () => block)).subarray(0, length);
}
