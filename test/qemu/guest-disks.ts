import type { ArrayDisk } from './array-guest.ts';
import type { FileSystem } from './qemu-guest.ts';

const disk = (labDevice: string, fileSystem: FileSystem, partitioned: boolean, cylinders: number): ArrayDisk => ({
  labDevice,
  serial: `6000c290a1b2c3d4e5f60718293${labDevice}`,
  fileSystem,
  partitioned,
  mountPoint: `/data/${fileSystem}`,
  cylinders,
});

/** Each kind of file system on a disk of its own, one of them in a partition: 120, 330 and 150 MiB. */
export const DISKS = [
  disk('00001', 'ext4', false, 64),
  disk('00002', 'xfs', true, 176),
  disk('00003', 'btrfs', false, 80),
] as const;
