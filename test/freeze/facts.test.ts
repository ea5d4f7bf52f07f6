import { mkdirSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HelperProcess } from './helper-process.ts';
import { makeDisk, removeDisks } from './loop-disk.ts';
import { must } from './programs.ts';
import { otherSysfsHelperProgram } from './special-helpers.ts';
import { folder, helperProgram } from './stage.ts';

afterEach(() => HelperProcess.killAll());
afterAll(removeDisks);

async function factsOf(...args: readonly string[]) {
  const helper = new HelperProcess(args.length === 0 ? helperProgram : otherSysfsHelperProgram, ['serve', ...args]);
  await helper.expect('hello');
  helper.say('facts\n');
  return await helper.expect('facts');
}

test('this machine: what is mounted, on which loop device, from which file', async () => {
  const ext4 = makeDisk('ext4');
  const btrfs = makeDisk('btrfs');
  const { mounts, blocks, btrfs: sets } = await factsOf();
  const mount = mounts.find(({ mountPoint }) => mountPoint === ext4.mountPoint);
  expect(mount).toMatchObject({ device: ext4.device, root: '/', fileSystem: 'ext4' });
  const block = blocks.find(({ name }) => `/dev/${name}` === mount?.source);
  expect(block).toEqual({
    name: block?.name,
    device: ext4.device,
    parent: '',
    slaves: [],
    serial: '',
    wwid: '',
    sizeBytes: statSync(ext4.image).size,
    backingFile: ext4.image,
  });
  const source = mounts.find(({ mountPoint }) => mountPoint === btrfs.mountPoint)?.source;
  expect(sets).toContainEqual([path.basename(source ?? '')]);
});

test('thousands of mounts are told as well as one', async () => {
  const place = mkdtempSync(path.join(folder, 'many-'));
  must('mount', '-t', 'tmpfs', 'tmpfs', place);
  // Each turn doubles what is below it.
  must(
    'sh',
    '-c',
    `cd ${place} && mount --make-private . && for i in $(seq 11); do mkdir $i; mount --rbind . $i; done`,
  );
  const { mounts } = await factsOf();
  expect(mounts.filter(({ mountPoint }) => mountPoint.startsWith(place))).toHaveLength(2 ** 11);
  must('umount', '--lazy', place);
});

interface FakeBlock {
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Below the folder of this disk, as the kernel has partitions. */
  readonly partitionOf?: string;
}

/** A tree as /sys has it. */
function makeSysfs(blocks: Readonly<Record<string, FakeBlock>>): string {
  const sysfs = mkdtempSync(path.join(folder, 'sys-'));
  mkdirSync(path.join(sysfs, 'class/block'), { recursive: true });
  for (const [name, { files = {}, partitionOf }] of Object.entries(blocks)) {
    const home = path.join('devices', ...(partitionOf === undefined ? [] : [partitionOf]), name);
    mkdirSync(path.join(sysfs, home), { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(sysfs, home, file)), { recursive: true });
      writeFileSync(path.join(sysfs, home, file), content);
    }
    symlinkSync(path.join('../..', home), path.join(sysfs, 'class/block', name));
  }
  return sysfs;
}

const page80 = (serial: string | Buffer, length = serial.length): Buffer =>
  Buffer.concat([Buffer.from([0, 0x80, length >> 8, length & 0xff]), Buffer.from(serial)]);

test('serials, wwids, partitions and slaves are read where each driver shows them', async () => {
  const sysfs = makeSysfs({
    sda: { files: { dev: '8:0\n', 'device/vpd_pg80': page80('  6000c29a \0'), 'device/wwid': 'naa.6000c29a\n' } },
    sda1: { partitionOf: 'sda', files: { dev: '8:1\n', partition: '1\n', size: '2097152\n' } },
    nvme0n1: { files: { dev: '259:0\n', wwid: 'eui.0025\n', 'device/serial': 'S4EV   \n' } },
    vda: { files: { dev: '254:0\n', serial: 'virtio-1' } },
    'dm-0': { files: { dev: '253:0\n', 'slaves/sda1/dev': '8:1', 'slaves/vda/dev': '254:0' } },
  });
  const { blocks } = await factsOf('--sysfs', sysfs);
  const none = { parent: '', slaves: [], serial: '', wwid: '', sizeBytes: 0, backingFile: '' };
  const byName = Object.fromEntries(blocks.map((block) => [block.name, { ...block, slaves: block.slaves.toSorted() }]));
  expect(byName).toEqual({
    sda: { ...none, name: 'sda', device: '8:0', serial: '6000c29a', wwid: 'naa.6000c29a' },
    sda1: { ...none, name: 'sda1', device: '8:1', parent: 'sda', sizeBytes: 1024 ** 3 },
    nvme0n1: { ...none, name: 'nvme0n1', device: '259:0', serial: 'S4EV', wwid: 'eui.0025' },
    vda: { ...none, name: 'vda', device: '254:0', serial: 'virtio-1' },
    'dm-0': { ...none, name: 'dm-0', device: '253:0', slaves: ['sda1', 'vda'] },
  });
});

test('pages that are cut, wrong or empty, and a tree that is not there, are no reason to fail', async () => {
  const odd = Buffer.from([0x41, 0xff, 0x22, 0x5c, 0x0a, 0x42]);
  const sysfs = makeSysfs({
    cut: { files: { 'device/vpd_pg80': Buffer.from([0, 0x80]) } },
    long: { files: { 'device/vpd_pg80': page80('abc', 60_000) } },
    wrong: { files: { 'device/vpd_pg80': Buffer.from([0, 0x83, 0, 3, 0x61, 0x62, 0x63]) } },
    odd: { files: { 'device/vpd_pg80': page80(odd) } },
    huge: { files: { dev: 'x'.repeat(100_000) } },
    folder: { files: { 'dev/x': '' } },
  });
  const { blocks } = await factsOf('--sysfs', sysfs);
  const serials = Object.fromEntries(blocks.map(({ name, serial }) => [name, serial]));
  expect(serials).toEqual({ cut: '', long: 'abc', wrong: '', odd: 'A?"\\\nB', huge: '', folder: '' });
  expect(await factsOf('--sysfs', path.join(folder, 'no-such'))).toMatchObject({ blocks: [], btrfs: [] });
});

test('the program that is installed reads no other tree than /sys', async () => {
  const helper = new HelperProcess(helperProgram, ['serve', '--sysfs', '/']);
  expect(await helper.next()).toBeUndefined();
  expect([await helper.ended, helper.stderr]).toEqual([2, expect.not.stringContaining('sysfs')]);
});
