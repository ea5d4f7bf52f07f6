import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { must, succeeds } from './programs.ts';
import { folder } from './stage.ts';
import { until } from './until.ts';

export type FileSystemKind = 'ext4' | 'xfs' | 'btrfs';

const MIB = 1024 * 1024;
/** As small as the programs that make them allow. */
const SIZE_BYTES: Readonly<Record<FileSystemKind, number>> = { ext4: 64 * MIB, xfs: 320 * MIB, btrfs: 160 * MIB };
const MAKE: Readonly<Record<FileSystemKind, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
};
const CHECK: Readonly<Record<FileSystemKind, readonly string[]>> = {
  ext4: ['e2fsck', '-f', '-n'],
  xfs: ['xfs_repair', '-n', '-f'],
  btrfs: ['btrfs', 'check', '--readonly'],
};

/** `major:minor` of the superblock that is mounted there. */
export function deviceAt(mountPoint: string): string {
  const fields = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .findLast((words) => words[4] === mountPoint);
  if (fields?.[2] === undefined) throw new Error(`nothing is mounted at ${mountPoint}`);
  return fields[2];
}

export interface LoopDisk {
  readonly kind: FileSystemKind;
  readonly image: string;
  readonly mountPoint: string;
  readonly device: string;
}

const disks: LoopDisk[] = [];

/** A file system in an image file, mounted. `on`: the folder for the image; normally one that is never frozen. */
export function makeDisk(kind: FileSystemKind, on: string = folder, sizeBytes: number = SIZE_BYTES[kind]): LoopDisk {
  const place = mkdtempSync(path.join(folder, `${kind}-`));
  const image = path.join(mkdtempSync(path.join(on, 'image-')), 'disk');
  const mountPoint = path.join(place, 'mount');
  mkdirSync(mountPoint);
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  const [make = '', ...options] = MAKE[kind];
  must(make, ...options, image);
  must('mount', '-o', 'loop', image, mountPoint);
  const disk = { kind, image, mountPoint, device: deviceAt(mountPoint) };
  disks.push(disk);
  return disk;
}

/** The verdict of the file system's own checker on the image; empty when it is sound. The disk must be unmounted. */
export function faultsOf({ kind, image }: LoopDisk): string {
  const [check = '', ...options] = CHECK[kind];
  const { status, stdout, stderr } = spawnSync(check, [...options, image], { encoding: 'utf8', timeout: 60_000 });
  return status === 0 ? '' : `${check} says ${status}: ${stdout}${stderr}`;
}

/** Waits for those who still have it open. */
export async function unmount({ mountPoint }: Pick<LoopDisk, 'mountPoint'>): Promise<void> {
  if (!(await until(() => succeeds('umount', mountPoint), 5000))) must('umount', mountPoint);
}

/** Thaws and unmounts what the suite made, also after a failure. Of a disk and one in a file on it, the outer must thaw first. */
export function removeDisks(): void {
  for (const { mountPoint } of disks) succeeds('fsfreeze', '-u', mountPoint);
  for (const { mountPoint } of disks.toReversed()) succeeds('umount', '--recursive', mountPoint);
  disks.length = 0;
}
