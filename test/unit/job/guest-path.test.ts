import { findPath, type LabelledVolume } from '../../../src/job/guest-path.ts';
import type { MountedVolume } from '../../../src/ports/file-systems.ts';
import { parseFstab } from '../../../src/proxy/linux/fstab.ts';
import { failure } from '../../failure.ts';

const mounted = (disk: string, path: string, change: Partial<MountedVolume> = {}): LabelledVolume => ({
  disk,
  volume: {
    partition: Number(path.slice(-1)),
    partitionUuid: undefined,
    offsetBytes: 0,
    sizeBytes: 1,
    holds: 'ext4',
    uuid: undefined,
    label: undefined,
    state: 'mounted',
    path,
    checkedBy: undefined,
    fstab: [],
    ...change,
  },
});

const ROOT = mounted('Hard disk 1', 'disk-2000/part1', {
  uuid: 'aaaa',
  holds: 'btrfs',
  fstab: [
    { source: 'UUID=aaaa', mountPoint: '/', subvolume: '@' },
    { source: 'UUID=aaaa', mountPoint: '/home', subvolume: '@home' },
    { source: 'UUID=bbbb', mountPoint: '/var/lib' },
  ],
});
const DATA = mounted('Hard disk 2', 'disk-2001/part1', { uuid: 'bbbb' });
const find = (path: string, volumeName?: string, volumes = [ROOT, DATA]) => findPath(volumes, { path, volumeName });
const refusal = (...words: Parameters<typeof find>) => failure(Promise.resolve().then(() => find(...words)));

test('logical volumes go by group and name, and the list of what there is names them so', async () => {
  const lv = (group: string) =>
    mounted('Hard disk 1', `disk-2000/lvm/${group}/root`, { partition: 2, logicalVolume: { group, name: 'root' } });
  const volumes = [lv('vg0'), lv('vg1')];

  expect(find('/srv', 'lvm/vg1/root', volumes).volume).toBe(volumes[1]?.volume);
  expect(await refusal('/srv', 'root', volumes)).toMatchObject({
    hint: expect.stringContaining('"Hard disk 1" lvm/vg0/root (ext4); "Hard disk 1" lvm/vg1/root (ext4)'),
  });
});

test.each<[string, LabelledVolume, readonly string[]]>([
  ['/etc/app', ROOT, ['@', 'etc', 'app']],
  ['/home//jo/', ROOT, ['@home', 'jo']],
  ['/var/lib/db', DATA, ['db']],
  ['/var/lib', DATA, []],
  ['/var/library', ROOT, ['@', 'var', 'library']],
])('%s lies where the table of the guest says', (path, { volume }, names) => {
  expect(find(path)).toMatchObject({ volume, names });
});

test('what lies below the path on other file systems is told', () => {
  expect(find('/').notIncluded).toEqual(['/home', '/var/lib']);
  expect(find('/var').notIncluded).toEqual(['/var/lib']);
  expect(find('/etc').notIncluded).toEqual([]);
});

test.each(['ext4', 'btrfs'])('no line of a hostile table leads out of its %s', (holds) => {
  const fstab = parseFstab(
    [
      'UUID=aaaa / auto defaults',
      'UUID=bbbb /srv auto subvol=../../../host',
      'UUID=bbbb /opt auto subvol=@/./..',
      'UUID=bbbb /mnt auto subvol=@\\000x',
    ].join('\n'),
  );
  const volumes = [
    mounted('d', 'disk-1/part1', { uuid: 'aaaa', fstab }),
    mounted('e', 'disk-2/part1', { uuid: 'bbbb', holds }),
  ];
  // What is no place in a btrfs is no line; of others subvolumes are no matter.
  const expected = (name: string) =>
    holds === 'btrfs' ? { disk: 'd', names: [name, 'x'] } : { disk: 'e', names: ['x'] };

  for (const name of ['srv', 'opt', 'mnt'])
    expect(find(`/${name}/x`, undefined, volumes)).toMatchObject(expected(name));
});

test('an odd line of a table is no reason to refuse paths that other lines lead to', () => {
  const fstab = parseFstab(
    'UUID=aaaa / ext4\nUUID=bbbb /a/../b ext4\nUUID=bbbb /./x ext4\nUUID=bbbb /y\\000 ext4\nUUID=bbbb /srv ext4',
  );
  const volumes = [
    mounted('d', 'disk-1/part1', { uuid: 'aaaa', fstab }),
    mounted('e', 'disk-2/part1', { uuid: 'bbbb' }),
  ];

  expect(find('/etc', undefined, volumes)).toMatchObject({ disk: 'd', names: ['etc'] });
  expect(find('/srv/x', undefined, volumes)).toMatchObject({ disk: 'e', names: ['x'] });
  expect(find('/', undefined, volumes).notIncluded).toEqual(['/srv']);
});

test('with a volume the path is that of the file system, and a name that two have is not guessed', async () => {
  expect(find('/@/etc', 'part1', [ROOT])).toMatchObject({ volume: ROOT.volume, names: ['@', 'etc'] });
  expect(await refusal('/etc', 'part1')).toMatchObject({
    code: 'E_RESTORE',
    message: expect.stringContaining('on 2 '),
  });
  expect(await refusal('/etc', 'part7')).toMatchObject({
    code: 'E_RESTORE',
    message: expect.stringContaining('on 0 '),
  });
});

test('without a table nothing is guessed, and what there is is told', async () => {
  const { fstab: _, path: __, checkedBy: ___, ...place } = DATA.volume as MountedVolume; // it is one, above
  const locked: LabelledVolume = {
    disk: 'Hard disk 3',
    volume: { ...place, state: 'unreadable', holds: 'crypto_LUKS', why: 'it is encrypted (LUKS)' },
  };
  expect(await refusal('/etc', undefined, [DATA, locked])).toMatchObject({
    code: 'E_RESTORE',
    hint: expect.stringMatching(/"Hard disk 2" part1 \(ext4\); "Hard disk 3" part1 \(crypto_LUKS, unreadable: it is/),
  });
});

test.each(['etc', '/etc/../x', '/./etc', '', '/a\0b'])('%j is no path of a guest', async (path) => {
  expect(await refusal(path)).toMatchObject({ code: 'E_RESTORE' });
});
