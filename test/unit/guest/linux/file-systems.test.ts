import { type FreezePlan, planFreeze } from '../../../../src/guest/linux/file-systems.ts';
import type { HelperBlock, HelperMount } from '../../../../src/guest/linux/freeze-helper-protocol.ts';
import { block, DISK_A, DISK_B, DISK_C, disk, mount, SYSTEM } from './facts.ts';

interface Guest {
  readonly mounts: readonly HelperMount[];
  readonly blocks: readonly HelperBlock[];
  readonly btrfs?: readonly (readonly string[])[];
  readonly swaps?: readonly string[];
}

const plan = ({ btrfs = [], swaps = [], ...facts }: Guest, ...disks: readonly string[]) =>
  planFreeze({ ...facts, btrfs, swaps }, disks);
const possible = (found: FreezePlan) => {
  if (found.kind !== 'possible') throw new Error(`it was refused: ${JSON.stringify(found)}`);
  return found;
};
const order = (found: FreezePlan) => possible(found).fileSystems.map(({ mountPoint }) => mountPoint);

test('the system disk and a data disk are found by their serials, last mounted first and the root last', () => {
  const found = plan(
    {
      blocks: [...disk('sda', DISK_A, 1, 2), ...disk('sdb', DISK_B, 1)],
      mounts: [...SYSTEM, mount('8:2', '/', 'ext4'), mount('8:1', '/boot', 'ext4'), mount('8:17', '/data', 'xfs')],
    },
    DISK_A,
    DISK_B,
  );

  expect(possible(found).fileSystems).toEqual([
    { device: '8:17', mountPoint: '/data', diskUuids: [DISK_B] },
    { device: '8:1', mountPoint: '/boot', diskUuids: [DISK_A] },
    { device: '8:2', mountPoint: '/', diskUuids: [DISK_A] },
  ]);
});

test.each([
  ['upper case with dashes', { serial: '6000C29A-1B2C-3D4E-5F60-718293A4B5C6' }],
  ['with blanks', { serial: ' 6000c29a 1b2c3d4e5f60718293a4b5c6 ' }],
  ['as NAA id only', { serial: '', wwid: `naa.${DISK_A}` }],
  ['as NAA id in upper case', { serial: 'VMware Virtual S', wwid: `NAA.${DISK_A.toUpperCase()}` }],
])('a disk is recognised by its serial %s', (_name, identity) => {
  const guest = { blocks: [block('sda', identity)], mounts: [mount('8:0', '/data', 'xfs')] };

  expect(order(plan(guest, DISK_A))).toEqual(['/data']);
});

test('file systems on disks that are not captured are left alone', () => {
  const guest = {
    blocks: [...disk('sda', DISK_A, 1), ...disk('sdb', DISK_B, 1)],
    mounts: [mount('8:1', '/', 'ext4'), mount('8:17', '/scratch', 'xfs')],
  };

  expect(order(plan(guest, DISK_A))).toEqual(['/']);
});

test('captured disks that the guest does not show are refused by name', () => {
  const guest = { blocks: disk('sda', DISK_A, 1), mounts: [mount('8:1', '/', 'ext4')] };

  expect(plan(guest, DISK_A, DISK_B, DISK_C)).toEqual({ kind: 'disks-not-shown', diskUuids: [DISK_B, DISK_C] });
});

const LVM: Guest = {
  blocks: [
    ...disk('sda', DISK_A, 1),
    ...disk('sdb', DISK_B),
    block('dm-0', { slaves: ['sda1'] }),
    block('dm-1', { slaves: ['sda1', 'sdb'] }),
  ],
  mounts: [mount('253:0', '/', 'ext4'), mount('253:1', '/var/lib/pgsql', 'xfs')],
};

test('a logical volume over two disks covers both', () => {
  expect(possible(plan(LVM, DISK_A, DISK_B)).fileSystems).toEqual([
    { device: '253:1', mountPoint: '/var/lib/pgsql', diskUuids: [DISK_A, DISK_B] },
    { device: '253:0', mountPoint: '/', diskUuids: [DISK_A] },
  ]);
});

test('a file system that also lies on a disk of which no snapshot is taken is refused with the name of that disk', () => {
  expect(plan(LVM, DISK_A)).toEqual({ kind: 'partly-captured', mountPoint: '/var/lib/pgsql', otherDisks: ['sdb'] });
});

test('a stack of RAID, encryption and logical volume is followed down to its disks', () => {
  const guest = {
    blocks: [
      ...disk('sda', DISK_A, 1),
      ...disk('sdb', DISK_B, 1),
      block('md0', { slaves: ['sda1', 'sdb1'] }),
      block('md0p1', { device: '259:0', parent: 'md0' }),
      block('dm-0', { slaves: ['md0p1'] }),
      block('dm-1', { slaves: ['dm-0'] }),
    ],
    mounts: [mount('253:1', '/secret', 'ext4')],
  };

  expect(possible(plan(guest, DISK_A, DISK_B)).fileSystems).toEqual([
    { device: '253:1', mountPoint: '/secret', diskUuids: [DISK_A, DISK_B] },
  ]);
});

test('two paths to one disk under multipath count as that disk', () => {
  const guest = {
    blocks: [...disk('sda', DISK_A), ...disk('sdb', DISK_A), block('dm-0', { slaves: ['sda', 'sdb'] })],
    mounts: [mount('253:0', '/data', 'xfs')],
  };

  expect(possible(plan(guest, DISK_A)).fileSystems).toEqual([
    { device: '253:0', mountPoint: '/data', diskUuids: [DISK_A] },
  ]);
});

const BTRFS: Guest = {
  blocks: [...disk('sda', DISK_A, 1), ...disk('sdb', DISK_B), ...disk('sdc', DISK_C)],
  mounts: [
    mount('8:1', '/', 'ext4'),
    mount('0:45', '/srv/home', 'btrfs', { root: '/@home', source: '/dev/sdb' }),
    mount('0:45', '/srv', 'btrfs', { root: '/', source: '/dev/sdb' }),
  ],
  btrfs: [['sdb', 'sdc']],
};

test('btrfs over two devices is one file system, whatever its subvolumes, and covers both disks', () => {
  expect(possible(plan(BTRFS, DISK_B, DISK_C)).fileSystems).toEqual([
    { device: '0:45', mountPoint: '/srv', diskUuids: [DISK_B, DISK_C] },
  ]);
  expect(plan(BTRFS, DISK_B)).toMatchObject({ kind: 'partly-captured', mountPoint: '/srv', otherDisks: ['sdc'] });
});

test('btrfs on a logical volume is found although its mount names an alias', () => {
  const guest: Guest = {
    blocks: [...disk('sda', DISK_A), ...disk('sdb', DISK_B), block('dm-3', { slaves: ['sda'] })],
    mounts: [
      mount('0:40', '/data', 'btrfs', { source: '/dev/mapper/vg-data' }),
      mount('0:41', '/other', 'btrfs', { source: '/dev/sdb' }),
    ],
    btrfs: [['dm-3'], ['sdb']],
  };

  expect(possible(plan(guest, DISK_A)).fileSystems).toEqual([
    { device: '0:40', mountPoint: '/data', diskUuids: [DISK_A] },
  ]);
});

test('a file system in an image on a captured file system is frozen before the one that holds it, at any depth', () => {
  const guest = {
    blocks: [
      ...disk('sda', DISK_A, 1),
      block('loop0', { backingFile: '/var/images/outer.img' }),
      block('loop1', { backingFile: '/mnt/outer/inner.img' }),
    ],
    // The innermost was mounted first here: what counts is what lies in what.
    mounts: [mount('7:1', '/mnt/inner', 'ext4'), mount('7:0', '/mnt/outer', 'xfs'), mount('8:1', '/', 'ext4')],
  };

  const found = possible(plan(guest, DISK_A)).fileSystems;

  expect(found.map(({ mountPoint }) => mountPoint)).toEqual(['/mnt/inner', '/mnt/outer', '/']);
  expect(found.map(({ diskUuids }) => diskUuids)).toEqual([[DISK_A], [DISK_A], [DISK_A]]);
});

test('snap packages, live images, memory and network file systems, and those of containers, are not frozen', () => {
  const guest = {
    blocks: [...disk('sda', DISK_A, 1), block('loop0', { backingFile: '/var/lib/snapd/snaps/core_1.snap' })],
    mounts: [
      ...SYSTEM,
      mount('8:1', '/', 'ext4'),
      mount('7:0', '/snap/core/1', 'squashfs'),
      mount('0:50', '/mnt/nas', 'nfs4', { source: 'nas:/export' }),
      mount('0:51', '/var/lib/docker/overlay2/x/merged', 'overlay'),
      mount('0:52', '/mnt/host', 'fuse.vmhgfs-fuse'),
    ],
  };

  const found = possible(plan(guest, DISK_A));

  expect(found.fileSystems.map(({ mountPoint }) => mountPoint)).toEqual(['/']);
  expect(found.notFreezable).toEqual([]);
});

test('bind mounts of one file system are one, reached by the shortest path to its root', () => {
  const guest = {
    blocks: disk('sda', DISK_A, 1),
    mounts: [
      mount('8:1', '/var/lib/kubelet/pods/1/etc-hosts', 'ext4', { root: '/pods/1/etc-hosts' }),
      mount('8:1', '/srv/data', 'ext4', { root: '/' }),
      mount('8:1', '/exports/d', 'ext4', { root: '/' }),
      mount('8:1', '/x', 'ext4', { root: '/sub' }),
    ],
  };

  expect(order(plan(guest, DISK_A))).toEqual(['/srv/data']);
});

test('a file system that is hidden under another mount is reached by another of its paths', () => {
  const guest = {
    blocks: disk('sda', DISK_A, 1, 2),
    mounts: [mount('8:1', '/a', 'ext4'), mount('8:1', '/longer/path', 'ext4'), mount('8:2', '/a', 'xfs')],
  };

  expect(order(plan(guest, DISK_A))).toEqual(['/a', '/longer/path']);
  expect(possible(plan(guest, DISK_A)).fileSystems.map(({ device }) => device)).toEqual(['8:2', '8:1']);
});

test.each<[string, Guest, readonly string[]]>([
  [
    'a partition and a logical volume',
    {
      blocks: [...disk('sda', DISK_A, 1), ...disk('sdb', DISK_B, 1, 2), block('dm-7', { slaves: ['sdb2'] })],
      mounts: [mount('8:1', '/', 'ext4')],
      swaps: ['/dev/sdb1', '/dev/dm-7'],
    },
    [DISK_B],
  ],
  [
    'swap and something unknown',
    {
      blocks: [...disk('sda', DISK_A, 1), ...disk('sdb', DISK_B, 1, 2)],
      mounts: [mount('8:1', '/', 'ext4')],
      swaps: ['/dev/sdb1'],
    },
    [],
  ],
  [
    'nothing at all',
    { blocks: [...disk('sda', DISK_A, 1), ...disk('sdb', DISK_B)], mounts: [mount('8:1', '/', 'ext4')] },
    [],
  ],
  [
    'a swap file on a file system',
    {
      blocks: [...disk('sda', DISK_A, 1), ...disk('sdb', DISK_B, 1)],
      mounts: [mount('8:1', '/', 'ext4'), mount('8:17', '/swap', 'ext4')],
      swaps: ['/swap/file'],
    },
    [],
  ],
])('a captured disk with %s is a swap disk only when swap is all it holds', (_name, guest, swapDisks) => {
  expect(possible(plan(guest, DISK_A, DISK_B)).swapDisks).toEqual(swapDisks);
});

const ROOT_AND_DATA: Guest = {
  blocks: [...disk('sda', DISK_A, 1), ...disk('sdb', DISK_B, 1)],
  mounts: [...SYSTEM, mount('8:1', '/', 'ext4'), mount('8:17', '/data', 'ext4')],
};
const MIB = 1024 ** 2;
const withBlocks = (...blocks: readonly HelperBlock[]): Guest => ({
  ...ROOT_AND_DATA,
  blocks: [...ROOT_AND_DATA.blocks, ...blocks],
});
const withMounts = ({ blocks }: Guest, ...mounts: readonly HelperMount[]): Guest => ({
  blocks,
  mounts: [...ROOT_AND_DATA.mounts, ...mounts],
});
const partition = (number: number, more: Partial<HelperBlock> = {}) =>
  block(`sdb${number}`, { parent: 'sdb', ...more });

test.each<[string, Guest, readonly string[]]>([
  ['file systems that can be frozen', ROOT_AND_DATA, []],
  [
    'exFAT beside ext4',
    withMounts(withBlocks(partition(2)), mount('8:18', '/share', 'exfat')),
    ['/share (exfat, which cannot be frozen)'],
  ],
  ['what firmware reads at boot', withMounts(withBlocks(partition(2)), mount('8:18', '/boot/efi', 'vfat')), []],
  ['a read-only image', withMounts(withBlocks(partition(2)), mount('8:18', '/media', 'iso9660')), []],
  ['swap beside ext4', { ...withBlocks(partition(2)), swaps: ['/dev/sdb2'] }, []],
  ['a partition beside ext4 that nobody mounts', withBlocks(partition(2)), ['/dev/sdb2 (neither mounted nor swap)']],
  [
    'a logical volume that nobody mounts beside one that is',
    withMounts(
      withBlocks(partition(2), block('dm-0', { slaves: ['sdb2'] }), block('dm-1', { slaves: ['sdb2'] })),
      mount('253:0', '/lv', 'xfs'),
    ),
    ['/dev/dm-1 (neither mounted nor swap)'],
  ],
  [
    'a raw logical volume over both disks, told once',
    withBlocks(partition(2), block('dm-0', { slaves: ['sdb2', 'sda2'] }), block('sda2', { parent: 'sda' })),
    ['/dev/dm-0 (neither mounted nor swap)'],
  ],
  ['a boot partition of 8 MiB that nobody mounts', withBlocks(partition(2, { sizeBytes: 8 * MIB })), []],
  [
    'one that is a sector larger',
    withBlocks(partition(2, { sizeBytes: 8 * MIB + 512 })),
    ['/dev/sdb2 (neither mounted nor swap)'],
  ],
  [
    'a partition whose size is not told',
    withBlocks(partition(2, { sizeBytes: 0 })),
    ['/dev/sdb2 (neither mounted nor swap)'],
  ],
  [
    'a small logical volume',
    withBlocks(partition(2), block('dm-0', { slaves: ['sdb2'], sizeBytes: MIB })),
    ['/dev/dm-0 (neither mounted nor swap)'],
  ],
  ['a loop device on a frozen file system', withBlocks(block('loop0', { backingFile: '/data/image' })), []],
  [
    'btrfs on a partition',
    { ...withMounts(withBlocks(partition(2)), mount('0:40', '/b', 'btrfs')), btrfs: [['sdb2']] },
    [],
  ],
  [
    'btrfs that does not tell its devices',
    withMounts(withBlocks(partition(2)), mount('0:40', '/b', 'btrfs')),
    ['/b (btrfs, whose disks are not told)', '/dev/sdb2 (neither mounted nor swap)'],
  ],
  [
    'a pool of ZFS, with many of its file systems mounted',
    withMounts(
      withBlocks(partition(2)),
      mount('0:41', '/tank', 'zfs', { source: 'tank' }),
      mount('0:42', '/tank/home', 'zfs', { source: 'tank/home' }),
    ),
    [
      '/tank (zfs, whose disks are not told)',
      '/tank/home (zfs, whose disks are not told)',
      '/dev/sdb2 (neither mounted nor swap)',
    ],
  ],
  [
    'bcachefs',
    withMounts(withBlocks(partition(2)), mount('0:41', '/pool', 'bcachefs', { source: '/dev/sdb2:/dev/sdc' })),
    ['/pool (bcachefs, whose disks are not told)', '/dev/sdb2 (neither mounted nor swap)'],
  ],
  [
    'a file system on a device that the guest does not show',
    withMounts(ROOT_AND_DATA, mount('199:5', '/vx', 'vxfs')),
    ['/vx (vxfs, whose disks are not told)'],
  ],
  ['a raw disk that is not captured', withBlocks(...disk('sdc', DISK_C, 1, 2)), []],
])('what may change on captured disks beside what is frozen is told: %s', (_name, guest, notFreezable) => {
  expect(possible(plan(guest, DISK_A, DISK_B)).notFreezable).toEqual(notFreezable);
});

test('partitions of a disk that is used as a whole by multipath are other names of what is used', () => {
  const guest = {
    blocks: [
      ...disk('sda', DISK_A, 1),
      ...disk('sdb', DISK_A, 1),
      block('dm-0', { slaves: ['sda', 'sdb'] }),
      block('dm-1', { slaves: ['dm-0'] }),
    ],
    mounts: [mount('253:1', '/data', 'xfs')],
  };

  expect(possible(plan(guest, DISK_A)).notFreezable).toEqual([]);
});

test('a stack that claims to rest on itself ends', () => {
  const guest = {
    blocks: [
      ...disk('sda', DISK_A, 1),
      block('dm-0', { slaves: ['dm-1'] }),
      block('dm-1', { slaves: ['dm-0'] }),
      block('loop0', { backingFile: '/x/image' }),
    ],
    mounts: [mount('8:1', '/', 'ext4'), mount('7:0', '/x', 'ext4')],
  };

  expect(order(plan(guest, DISK_A))).toEqual(['/']);
});
