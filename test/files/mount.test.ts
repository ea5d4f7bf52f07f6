import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../src/platform/clock.ts';
import type { Volume } from '../../src/ports/file-systems.ts';
import { createLinuxFileSystems } from '../../src/proxy/linux/linux-file-systems.ts';
import { underMark } from '../../src/proxy/linux/loop-marks.ts';
import { seesMountsOf } from '../../src/proxy/linux/mounts.ts';
import {
  emptyImage,
  inGuest,
  type Kind,
  MIB,
  makeFileSystem,
  partitionDisk,
  SIZE_BYTES,
  writeAt,
  writeFiles,
} from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { SPOIL } from './spoil.ts';
import { heldBelow, must, newFolder } from './stage.ts';

const fileSystems = createLinuxFileSystems(systemClock, 'any');
const never = new AbortController().signal;
const KINDS: readonly Kind[] = ['ext4', 'xfs', 'btrfs', 'ntfs'];

const mount = (
  directory: string,
  devicePath: string,
  change: { check?: boolean; strict?: boolean; isQuiet?: boolean; folder?: string } = {},
) => {
  const { check = true, strict = true, isQuiet = true, folder = 'vm/hard-disk-1' } = change;
  return fileSystems.mount(directory, { folder, devicePath, isQuiet }, { check, strict }, never);
};
const release = (directory: string, devicePath: string | undefined, folder = 'vm/hard-disk-1') =>
  fileSystems.release(directory, [{ folder, devicePaths: devicePath === undefined ? undefined : [devicePath] }], never);

const WHOLE: Readonly<Record<Kind, { readonly offsetBytes: number; readonly sizeBytes: number }>> = {
  ext4: { offsetBytes: 0, sizeBytes: SIZE_BYTES.ext4 },
  xfs: { offsetBytes: 0, sizeBytes: SIZE_BYTES.xfs },
  btrfs: { offsetBytes: 0, sizeBytes: SIZE_BYTES.btrfs },
  ntfs: { offsetBytes: 0, sizeBytes: SIZE_BYTES.ntfs },
};

/** A disk that is one file system, with files in it. */
function wholeDisk(kind: Kind, uuid?: string) {
  const directory = newFolder(kind);
  const disk = path.join(directory, 'disk');
  emptyImage(disk, SIZE_BYTES[kind]);
  makeFileSystem(disk, WHOLE[kind], kind, uuid);
  const tree = inGuest(disk, WHOLE[kind], kind, (mountPoint) => {
    writeFiles(mountPoint, kind);
    return treeOf(mountPoint);
  });
  return { directory, disk, tree };
}

const stateOf = (volumes: readonly Volume[]) =>
  volumes.map((volume) => (volume.state === 'mounted' ? volume.path : [volume.state, volume.why]));

test.each(['gpt', 'dos'] as const)(
  'every file system of a disk with partitions (%s) is handed over byte for byte, read-only, and nothing is left of it',
  async (label) => {
    const directory = newFolder('parts');
    const disk = path.join(directory, 'disk');
    const kinds: readonly Kind[] = label === 'gpt' ? KINDS : ['ext4', 'xfs', 'btrfs'];
    emptyImage(
      disk,
      kinds.reduce((sum, kind) => sum + SIZE_BYTES[kind], 2 * MIB),
    );
    const partitions = kinds.map((kind) => ({ content: kind, sizeBytes: SIZE_BYTES[kind] }));
    const starts = partitionDisk(disk, label, partitions);
    const trees = kinds.map((kind, index) =>
      inGuest(disk, { offsetBytes: starts[index] ?? 0, sizeBytes: SIZE_BYTES[kind] }, kind, (mountPoint) => {
        writeFiles(mountPoint, kind);
        return treeOf(mountPoint);
      }),
    );

    const volumes = await mount(directory, disk);

    expect(stateOf(volumes)).toEqual(kinds.map((_, index) => `vm/hard-disk-1/part${index + 1}`));
    expect(volumes.map(({ holds, offsetBytes }) => [holds, offsetBytes])).toEqual(
      kinds.map((kind, index) => [kind, starts[index]]),
    );
    for (const [index, tree] of trees.entries()) {
      const folder = path.join(directory, `vm/hard-disk-1/part${index + 1}`);
      expect(Object.keys(tree).length).toBeGreaterThan(12);
      expect(treeOf(folder)).toEqual(tree);
      expect(() => writeFileSync(path.join(folder, 'new'), '')).toThrow(/EROFS/);
    }
    const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`${directory}/vm`));
    expect(mountinfo).toHaveLength(kinds.length);
    for (const line of mountinfo) expect(line).toMatch(/ ro,nosuid,nodev,noexec/);
    const mounted = () =>
      fileSystems.mountedIn(
        directory,
        ['vm/hard-disk-1', 'vm/hard-disk'].map((folder) => ({ folder, devicePaths: undefined })),
        never,
      );
    expect(await mounted()).toBe(kinds.length);
    expect(await release(directory, disk)).toEqual([]);
    expect(await mounted()).toBe(0);
    expect(heldBelow(directory)).toEqual([]);
    expect(existsSync(path.join(directory, 'vm'))).toBe(false);
  },
);

test('where nobody else sees what the hook mounts, it is refused before anything is mounted, unless the configuration allows it', async () => {
  const directory = newFolder('namespace');

  await expect(createLinuxFileSystems(systemClock, 'machine').preflight(directory, [], never)).rejects.toMatchObject({
    code: 'E_PROXY',
    hint: expect.stringContaining('proxy.mountNamespace'),
  });
  await expect(fileSystems.preflight(directory, [], never)).resolves.toBeUndefined();
});

test('a process of the same mounts is told from one of others, and from one that is not there', async () => {
  const others = spawn('unshare', ['--mount', '--propagation', 'private', 'cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  try {
    // `cat` answers when it is there: in mounts of its own by then.
    others.stdin.write('ready');
    await once(others.stdout, 'data');

    expect(await seesMountsOf(process.ppid)).toBe(true);
    expect(await seesMountsOf(others.pid ?? 0)).toBe(false);
  } finally {
    others.kill();
    await once(others, 'exit');
  }
  expect(await seesMountsOf(others.pid ?? 0)).toBeUndefined();
});

/** What stands behind each loop device. */
const backings = (): readonly string[] =>
  must('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE'])
    .split('\n')
    .map((line) => line.trim());

test('a target that is a block device is handed over as one that is a file; whoever else has it in a loop device keeps that', async () => {
  const { directory, disk, tree } = wholeDisk('ext4');
  const device = must('losetup', ['--find', '--show', disk]);
  const others = must('losetup', ['--find', '--show', device]);
  try {
    const volumes = await mount(directory, device);
    expect(stateOf(volumes)).toEqual(['vm/hard-disk-1/disk']);
    expect(treeOf(path.join(directory, 'vm/hard-disk-1/disk'))).toEqual(tree);
    expect(backings().filter((file) => file.startsWith('/dev/snaphook/'))).toHaveLength(1);
    await release(directory, device);
    expect(heldBelow(directory)).toEqual([path.basename(device)]);
    expect(backings().filter((file) => file === device || file.startsWith('/dev/snaphook/'))).toEqual([device]);
    expect(readdirSync('/dev/snaphook')).toEqual([]);
  } finally {
    must('losetup', ['--detach', others]);
    must('losetup', ['--detach', device]);
  }
});

test('a loop device over a block device that a killed hook left is found without any journal, by the folder that it was made for', async () => {
  const { directory, disk } = wholeDisk('ext4');
  const device = must('losetup', ['--find', '--show', disk]);
  try {
    const mark = { root: directory, folder: 'vm/hard-disk-1' };
    const attach = async (name: string) => must('losetup', ['--find', '--show', name]);
    const left = await underMark(device, mark, attach, never);
    await release(directory, undefined, 'vm/another-disk');
    expect(existsSync(`/sys/block/${path.basename(left)}/loop`)).toBe(true);

    await release(directory, undefined);

    expect(existsSync(`/sys/block/${path.basename(left)}/loop`)).toBe(false);
  } finally {
    must('losetup', ['--detach', device]);
  }
});

/** Copies the disk in the middle of writing, as a snapshot without a freeze has it. */
function crashCopy(kind: Exclude<Kind, 'ntfs'>) {
  const directory = newFolder(`crash-${kind}`);
  const disk = path.join(directory, 'disk');
  const copy = path.join(directory, 'copy');
  emptyImage(disk, SIZE_BYTES[kind]);
  makeFileSystem(disk, WHOLE[kind], kind);
  const names = inGuest(disk, WHOLE[kind], kind, (mountPoint) => {
    writeFiles(mountPoint, 'before');
    must('sync', ['-f', mountPoint]);
    // Synchronised one by one: what the application was told is on disk, the journal of the file system has, and nothing else.
    const written = Array.from({ length: 40 }, (_, index) => `late-${index}`);
    for (const name of written)
      must('dd', [
        'if=/dev/zero',
        `of=${path.join(mountPoint, name)}`,
        'bs=512',
        'count=1',
        'conv=fsync',
        'status=none',
      ]);
    must('cp', ['--sparse=always', disk, copy]);
    return written;
  });
  return { directory, copy, names };
}

test.each(['ext4', 'xfs', 'btrfs'] as const)(
  'the journal of a %s that was being written is replayed: every file that was synchronised is there',
  async (kind) => {
    const { directory, copy, names } = crashCopy(kind);
    const readOnly = must('losetup', ['--find', '--show', '--read-only', copy]);
    mkdirSync(path.join(directory, 'stale'));
    // Without a replay the kernel refuses the copy, so that the test shows what it means to show.
    expect(() => must('mount', ['-t', kind, '-o', 'ro', readOnly, path.join(directory, 'stale')])).toThrow();
    must('losetup', ['--detach', readOnly]);

    const volumes = await mount(directory, copy, { isQuiet: false });

    expect(stateOf(volumes)).toEqual(['vm/hard-disk-1/disk']);
    expect(Object.keys(treeOf(path.join(directory, 'vm/hard-disk-1/disk')))).toEqual(expect.arrayContaining(names));
    await release(directory, copy);
    expect(heldBelow(directory)).toEqual([]);
  },
);

test('an NTFS that was being written is not handed over: nothing here replays its journal', async () => {
  const { directory, disk } = wholeDisk('ntfs');

  const volumes = await mount(directory, disk, { isQuiet: false });

  expect(stateOf(volumes)).toEqual([['unreadable', expect.stringContaining('replays the journal')]]);
  expect(heldBelow(directory)).toEqual([]);
});

test.each([
  ['ext4', 'e2fsck'],
  ['xfs', 'xfs_repair'],
  ['btrfs', 'btrfs'],
  ['ntfs', 'ntfsclone'],
] as const)('damaged metadata of %s that a mount does not notice are told by %s', async (kind, program) => {
  const { directory, disk } = wholeDisk(kind);
  SPOIL[kind](disk);
  expect(stateOf(await mount(directory, disk, { check: false }))).toEqual(['vm/hard-disk-1/disk']);
  await release(directory, disk);

  const volumes = await mount(directory, disk);

  expect(stateOf(volumes)).toEqual([['damaged', expect.stringMatching(`^${program} says `)]]);
  expect(heldBelow(directory)).toEqual([]);
  expect(existsSync(path.join(directory, 'vm/hard-disk-1/disk'))).toBe(false);
});

test('what Windows may live with in an NTFS is a defect where the job itself asks for a check, and nowhere else', async () => {
  const { directory, disk } = wholeDisk('ntfs');
  expect(await mount(directory, disk)).toMatchObject([{ state: 'mounted', checkedBy: 'ntfsclone' }]);
  await release(directory, disk);
  SPOIL.ntfs(disk);

  expect(await mount(directory, disk, { strict: false })).toMatchObject([{ state: 'mounted', checkedBy: undefined }]);
  await release(directory, disk);
  expect(heldBelow(directory)).toEqual([]);
});

/** FAT as Windows has it while it is mounted: marked as that, its label in the root folder alone, the count of free clusters an old one. */
function mountedFat(bits: '12' | '32') {
  const directory = newFolder('fat');
  const disk = path.join(directory, 'disk');
  emptyImage(disk, bits === '12' ? 4 * MIB : 40 * MIB);
  must('mkfs.fat', ['-F', bits, '-n', 'FROMWINDOWS', disk]);
  writeAt(disk, bits === '32' ? 65 : 37, Buffer.from([1]));
  writeAt(disk, bits === '32' ? 71 : 43, Buffer.from('NO NAME    '));
  if (bits === '32') writeAt(disk, 512 + 488, Buffer.from([7, 0, 0, 0]));
  expect(() => must('fsck.fat', ['-n', disk])).toThrow();
  const boot = readFileSync(disk).subarray(0, 512);
  return { directory, disk, tableAt: boot.readUInt16LE(11) * boot.readUInt16LE(14) };
}

test.each(['12', '32'] as const)(
  'FAT%s that was mounted at the instant is found sound, and with tables that differ it is told as damaged',
  async (bits) => {
    const { directory, disk, tableAt } = mountedFat(bits);

    // Whether it is mounted then, the kernel at hand says.
    expect((await mount(directory, disk))[0]?.state).not.toBe('damaged');
    await release(directory, disk);
    writeAt(disk, tableAt + 12, Buffer.from([0x55, 0x66]));
    expect(stateOf(await mount(directory, disk))).toEqual([['damaged', expect.stringMatching(/^fsck.fat says 1/)]]);
    // What is being written has such differences for a moment.
    expect((await mount(directory, disk, { isQuiet: false }))[0]).not.toMatchObject({
      why: expect.stringMatching(/^fsck.fat says/),
    });
    await release(directory, disk);
    expect(heldBelow(directory)).toEqual([]);
  },
);

test('a file system that cannot be mounted at all is told as damaged', async () => {
  const { directory, disk } = wholeDisk('ext4');
  // The place of the root directory's inode table, in the descriptor of the first group.
  writeAt(disk, 1024 + 1024 + 8, Buffer.from([0xff, 0xff, 0xff, 0x7f]));
  writeAt(disk, 4096 + 8, Buffer.from([0xff, 0xff, 0xff, 0x7f]));

  expect(stateOf(await mount(directory, disk, { check: false }))).toEqual([
    ['damaged', expect.stringContaining('it cannot be mounted')],
  ]);
  expect(heldBelow(directory)).toEqual([]);
});

/** A feature that nobody knows, in the field of those without which a file system must not be read. */
function addUnknownFeature(disk: string): void {
  const at = 1024 + 0x60;
  const features = readFileSync(disk).readUInt32LE(at);
  const changed = Buffer.alloc(4);
  changed.writeUInt32LE((features | 0x8000_0000) >>> 0);
  writeAt(disk, at, changed);
}

test.each([
  ['ext4', true],
  ['ext4', false],
  ['ext2', true],
])('%s with a feature that is not known here is not called damaged (checked: %s)', async (kind, check) => {
  const directory = newFolder('feature');
  const disk = path.join(directory, 'disk');
  emptyImage(disk, SIZE_BYTES.ext4);
  must(`mkfs.${kind}`, ['-q', '-F', '-O', '^metadata_csum', disk]);
  addUnknownFeature(disk);

  expect(stateOf(await mount(directory, disk, { check }))).toEqual([
    ['unreadable', expect.stringContaining('e2fsck says 8')],
  ]);
  expect(heldBelow(directory)).toEqual([]);
});

test('a file system that its checker finds sound and this kernel cannot mount is not called damaged', async () => {
  const directory = newFolder('block-size');
  const disk = path.join(directory, 'disk');
  emptyImage(disk, SIZE_BYTES.ext4);
  // Blocks larger than the pages of memory here.
  must('mkfs.ext2', ['-q', '-F', '-b', '65536', disk]);

  expect(stateOf(await mount(directory, disk))).toEqual([
    ['unreadable', expect.stringContaining('e2fsck finds it sound')],
  ]);
  expect(heldBelow(directory)).toEqual([]);
});

test('two disks with the same XFS id, as two VMs of one template have it, are mounted side by side', async () => {
  const one = wholeDisk('xfs');
  const other = path.join(one.directory, 'other');
  copyFileSync(one.disk, other);

  const volumes = [
    ...(await mount(one.directory, one.disk)),
    ...(await mount(one.directory, other, { folder: 'vm2/hard-disk-1' })),
  ];

  expect(stateOf(volumes)).toEqual(['vm/hard-disk-1/disk', 'vm2/hard-disk-1/disk']);
  expect(treeOf(path.join(one.directory, 'vm2/hard-disk-1/disk'))).toEqual(one.tree);
  await release(one.directory, one.disk);
  await release(one.directory, other, 'vm2/hard-disk-1');
  expect(heldBelow(one.directory)).toEqual([]);
});

test('a btrfs whose id is mounted already is told as not readable: the kernel could read the wrong device', async () => {
  const one = wholeDisk('btrfs');
  const other = path.join(one.directory, 'other');
  copyFileSync(one.disk, other);
  await mount(one.directory, one.disk);

  const volumes = await mount(one.directory, other, { folder: 'vm2/hard-disk-1' });

  expect(stateOf(volumes)).toEqual([['unreadable', expect.stringContaining('same id')]]);
  await release(one.directory, one.disk);
  await release(one.directory, other, 'vm2/hard-disk-1');
  expect(heldBelow(one.directory)).toEqual([]);
});

test('what cannot be read is told, with what it is; swap and the places of boot loaders hold no files', async () => {
  const directory = newFolder('unreadable');
  const disk = path.join(directory, 'disk');
  emptyImage(disk, 40 * MIB);
  const swap = Buffer.alloc(4096);
  swap.writeUInt32LE(1, 1024);
  swap.writeUInt32LE(1023, 1028);
  swap.write('SWAPSPACE2', 4086);
  const luks = Buffer.alloc(1024);
  luks.write('LUKS\xba\xbe\0\x01', 'latin1');
  const lvm = Buffer.alloc(1024);
  lvm.write('LABELONE', 512);
  lvm.writeUInt32LE(1, 520);
  lvm.writeUInt32LE(32, 532);
  lvm.write('LVM2 001', 536);
  lvm.writeUInt32LE(crcOfLabel(lvm), 528);
  const sizeBytes = 4 * MIB;
  partitionDisk(disk, 'gpt', [
    { content: swap, sizeBytes, type: 'swap' },
    { content: luks, sizeBytes },
    { content: lvm, sizeBytes, type: 'lvm' },
    { content: Buffer.alloc(0), sizeBytes, type: '21686148-6449-6E6F-744E-656564454649' },
    { content: Buffer.from('something else'), sizeBytes },
    { content: Buffer.alloc(0), sizeBytes, type: 'AF9B60A0-1431-4F62-BC68-3311714A69AD' },
  ]);

  expect(stateOf(await mount(directory, disk))).toEqual([
    ['no-files', expect.stringContaining('swap')],
    ['unreadable', expect.stringContaining('LUKS')],
    ['unreadable', expect.stringContaining('LVM')],
    ['no-files', expect.stringContaining('boot loader')],
    ['unreadable', expect.stringContaining('nothing that is known')],
    ['unreadable', expect.stringContaining('dynamic disk')],
  ]);
  expect(heldBelow(directory)).toEqual([]);
});

test('no disk is passed over: both a file system and a table, or a table that is empty or lost, are one volume of the whole disk', async () => {
  const { directory, disk: both } = wholeDisk('ext4');
  must('sfdisk', ['--quiet', '--wipe', 'never', both], 'label: dos\nstart=2048, size=8192\n');
  const empty = path.join(directory, 'empty');
  emptyImage(empty, 8 * MIB);
  partitionDisk(empty, 'gpt', []);
  const lost = path.join(directory, 'lost');
  copyFileSync(empty, lost);
  // The headers of the table and of its copy.
  for (const at of [512, 8 * MIB - 512]) writeAt(lost, at, Buffer.alloc(512));

  for (const [disk, state, why] of [
    [both, 'unreadable', 'both a partition table and the signature'],
    [empty, 'no-files', 'table is empty'],
    [lost, 'damaged', 'cannot be found'],
  ] as const) {
    const whole = { partition: undefined, offsetBytes: 0, sizeBytes: statSync(disk).size };
    expect(await mount(directory, disk)).toMatchObject([{ ...whole, state, why: expect.stringContaining(why) }]);
  }
  expect(heldBelow(directory)).toEqual([]);
});

test('a partition that reaches beyond the disk is told as not readable, and the others are mounted', async () => {
  const directory = newFolder('beyond');
  const disk = path.join(directory, 'disk');
  emptyImage(disk, 80 * MIB);
  partitionDisk(disk, 'dos', [
    { content: 'ext4', sizeBytes: SIZE_BYTES.ext4 },
    { content: 'ext4', sizeBytes: SIZE_BYTES.ext4 },
  ]);
  truncateSync(disk, 60 * MIB);

  const volumes = await mount(directory, disk);

  expect(stateOf(volumes)).toEqual(['vm/hard-disk-1/part1', ['damaged', expect.stringContaining('beyond the end')]]);
  await release(directory, disk);
  expect(heldBelow(directory)).toEqual([]);
});

/** The checksum of an LVM label: CRC-32 of what follows it, with a start value of its own. */
function crcOfLabel(label: Buffer): number {
  let crc = 0xf597a6cf;
  for (const byte of label.subarray(532, 1024)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return crc >>> 0;
}

test('a link in an image leads to no file of this machine', async () => {
  const { directory, disk } = wholeDisk('ext4');
  inGuest(disk, WHOLE.ext4, 'ext4', (mountPoint) => symlinkSync('/etc', path.join(mountPoint, 'etc')));

  const [volume] = await mount(directory, disk);

  expect(volume).toMatchObject({ state: 'mounted', fstab: [] });
  await release(directory, disk);
});

test("folders that were there before are made root's alone, and those of another user are refused", async () => {
  const { directory, disk } = wholeDisk('ext4');
  const folder = path.join(directory, 'vm/hard-disk-1');
  mkdirSync(path.join(folder, 'disk'), { recursive: true });
  for (const name of ['vm', 'vm/hard-disk-1']) chmodSync(path.join(directory, name), 0o755);
  const modeOf = (name: string) => statSync(path.join(directory, name)).mode & 0o777;

  await mount(directory, disk);

  expect(['vm', 'vm/hard-disk-1'].map(modeOf)).toEqual([0o700, 0o700]);
  await release(directory, disk);
  mkdirSync(folder, { recursive: true });
  chownSync(path.join(directory, 'vm'), 1000, 1000);
  await expect(mount(directory, disk)).rejects.toMatchObject({
    code: 'E_EXPORT',
    message: expect.stringContaining(`"${path.join(directory, 'vm')}"`),
  });
  expect(heldBelow(directory)).toEqual([]);
});

test('a file or a mount in the way is told; folders without files are not in the way', async () => {
  const { directory, disk } = wholeDisk('ext4');
  const look = () => fileSystems.preflight(directory, ['vm/hard-disk-1'], never);
  mkdirSync(path.join(directory, 'vm/hard-disk-1/old/empty'), { recursive: true });
  await look();
  await mount(directory, disk);
  const mountPoint = path.join(directory, 'vm/hard-disk-1/disk');
  await expect(look()).rejects.toMatchObject({
    code: 'E_EXPORT',
    message: expect.stringContaining(`"${mountPoint}" `),
  });
  await release(directory, disk);

  const file = path.join(directory, 'vm/hard-disk-1/old/empty/file');
  writeFileSync(file, '');

  await expect(look()).rejects.toMatchObject({ code: 'E_EXPORT', message: expect.stringContaining(`"${file}" `) });
});

test('a mount of another device in the folder is told and left alone', async () => {
  const one = wholeDisk('ext4');
  const other = wholeDisk('ext4');
  await mount(one.directory, one.disk);

  const foreign = await release(one.directory, other.disk);

  expect(foreign).toMatchObject([{ mountPoint: path.join(one.directory, 'vm/hard-disk-1/disk') }]);
  expect(heldBelow(one.directory).length).toBeGreaterThan(0);
  await release(one.directory, one.disk);
  expect(heldBelow(one.directory)).toEqual([]);
});

test('a loop device that a killed hook left is detached, and so is one whose file is gone', async () => {
  const { directory, disk } = wholeDisk('ext4');
  must('losetup', ['--find', '--show', disk]);
  must('rm', [disk]);

  await release(directory, disk);

  expect(heldBelow(directory)).toEqual([]);
});

test('while somebody reads there, releasing fails and says who', async () => {
  const { directory, disk } = wholeDisk('ext4');
  await mount(directory, disk);
  const jump = {
    monotonicMs: (() => {
      let now = 0;
      return () => (now += 6000);
    })(),
    now: () => new Date(),
    sleep: systemClock.sleep,
  };
  const impatient = createLinuxFileSystems(jump, 'any');
  const home = process.cwd();
  process.chdir(path.join(directory, 'vm/hard-disk-1/disk'));
  try {
    await expect(
      impatient.release(directory, [{ folder: 'vm/hard-disk-1', devicePaths: [disk] }], never),
    ).rejects.toMatchObject({
      code: 'E_PROXY',
      message: expect.stringContaining(`(${process.pid})`),
    });
  } finally {
    process.chdir(home);
  }
  await release(directory, disk);
  expect(heldBelow(directory)).toEqual([]);
});
