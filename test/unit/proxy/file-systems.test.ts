import { systemClock } from '../../../src/platform/clock.ts';
import { judge } from '../../../src/proxy/linux/file-system-kinds.ts';
import { parseFstab } from '../../../src/proxy/linux/fstab.ts';
import { createLinuxFileSystems } from '../../../src/proxy/linux/linux-file-systems.ts';
import { parseMountinfo } from '../../../src/proxy/linux/mounts.ts';
import type { FoundVolume } from '../../../src/proxy/linux/volumes.ts';

const found = (change: Partial<FoundVolume>): FoundVolume => ({
  partition: 1,
  partitionUuid: undefined,
  partitionType: undefined,
  offsetBytes: 0,
  sizeBytes: 1,
  holds: undefined,
  uuid: undefined,
  label: undefined,
  flaw: undefined,
  ...change,
});

test.each([
  ['a known file system', { holds: 'xfs' }, 'mountable'],
  ['one with signatures of several kinds', { holds: 'xfs', flaw: 'several-signatures' }, 'unreadable'],
  ['swap', { holds: 'swap' }, 'no-files'],
  [
    'a file system in a partition made for a boot loader',
    { holds: 'ext4', partitionType: '21686148-6449-6e6f-744e-656564454649' },
    'mountable',
  ],
  ['space that Windows reserves', { partitionType: 'e3c9e316-0b5c-4db8-817d-f92df00215ae' }, 'no-files'],
  [
    'the tools of Windows to repair itself',
    { holds: 'ntfs', partitionType: 'de94bba4-06d1-4d40-a16a-bfd50179d6ac' },
    'no-files',
  ],
  ['the same on a disk with an MBR', { holds: 'ntfs', partitionType: '0x27' }, 'no-files'],
  ['a file system inside of a dynamic disk', { holds: 'ntfs', partitionType: '0x42' }, 'unreadable'],
  ['an encrypted volume', { holds: 'BitLocker' }, 'unreadable'],
  ['a datastore', { holds: 'VMFS_volume_member' }, 'unreadable'],
  ['a kind that nobody here knows', { holds: 'zfs_member' }, 'unreadable'],
  ['nothing that is known', {}, 'unreadable'],
] as const)('%s', (_, change, as) => {
  expect(judge(found(change)).as).toBe(as);
});

test('ext file systems are mounted with errors=remount-ro: what the guest has written there could stop this machine', () => {
  for (const holds of ['ext2', 'ext3', 'ext4'])
    expect(judge(found({ holds }))).toMatchObject({ kind: { options: ['errors=remount-ro'] } });
});

test('no kind is mounted without its journal', () => {
  for (const holds of ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'vfat', 'ntfs'])
    expect(JSON.stringify(judge(found({ holds })))).not.toMatch(/noload|norecovery|nologreplay/);
});

test('mountinfo: blanks in names, optional fields, and the device after the dash', () => {
  const text = [
    '42 27 7:0 / /x/my\\040vm/part1 ro,nosuid - ext4 /dev/loop0 ro',
    '43 27 0:51 / /x/b ro shared:1 master:2 - btrfs /dev/loop1 ro,space_cache=v2',
    '',
  ].join('\n');

  expect(parseMountinfo(text)).toEqual([
    { mountPoint: '/x/my vm/part1', device: '/dev/loop0', type: 'ext4' },
    { mountPoint: '/x/b', device: '/dev/loop1', type: 'btrfs' },
  ]);
});

test('fstab: comments, swap and quotes', () => {
  const text = [
    '# UUID=x /no ext4',
    'UUID="a-b" /srv/my\\040data xfs defaults 0 2',
    '  LABEL=root\t/\text4',
    'UUID=c none swap sw 0 0',
    '',
  ];

  expect(parseFstab(text.join('\n'))).toEqual([
    { source: 'UUID=a-b', mountPoint: '/srv/my data' },
    { source: 'LABEL=root', mountPoint: '/' },
  ]);
});

test('without root and without FUSE nothing is touched, and the hint says what to do', async () => {
  // Node leaves it out on Windows alone.
  const user = jest.spyOn(process as Required<NodeJS.Process>, 'getuid').mockReturnValue(1000);
  const programs = process.env.PATH;
  process.env.PATH = '';
  try {
    await expect(
      createLinuxFileSystems(systemClock, 'any').preflight('/export', [], new AbortController().signal),
    ).rejects.toMatchObject({
      code: 'E_PROXY',
      message: expect.stringContaining('without root'),
      hint: expect.stringContaining('handOver: images'),
    });
  } finally {
    user.mockRestore();
    process.env.PATH = programs;
  }
});
