import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  fileSystemLine,
  HelperProcess,
  hasRecord,
  isDead,
  killed,
  prepareLine,
  readyHelper,
  toldReady,
} from './helper-process.ts';
import { deviceAt, type LoopDisk, makeDisk, removeDisks, unmount } from './loop-disk.ts';
import { must, succeeds } from './programs.ts';
import { folder, helperProgram, safeFolder } from './stage.ts';
import { until } from './until.ts';

let disk: LoopDisk;

beforeAll(() => {
  disk = makeDisk('ext4');
});

afterEach(() => HelperProcess.killAll());
afterAll(removeDisks);

async function greeted(args?: readonly string[]): Promise<HelperProcess> {
  const helper = new HelperProcess(helperProgram, args);
  await helper.expect('hello');
  return helper;
}

test('hello names protocol, version, system, boot and a token of its own', async () => {
  const helper = new HelperProcess();
  const hello = await helper.expect('hello');
  expect(hello).toEqual({
    event: 'hello',
    protocol: 2,
    helper: must(helperProgram, '--version'),
    os: `Linux ${must('uname', '-r')}`,
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    token: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  const other = await new HelperProcess().expect('hello');
  expect(other.token).not.toBe(hello.token);
});

test('--help shows examples first; anything else is refused with the same words', () => {
  expect(must(helperProgram, '--help')).toMatch(/^Examples:/);
  expect(succeeds(helperProgram)).toBe(false);
  expect(succeeds(helperProgram, 'serve', '--unknown')).toBe(false);
});

test('status tells the phase, quit ends with 0, release bytes before a line are ignored', async () => {
  const helper = await greeted();
  helper.say('TTstatus\n');
  expect(await helper.expect('status')).toEqual({ event: 'status', phase: 'idle' });
  helper.say(`T${prepareLine()}T${fileSystemLine(disk)}Tready\nTstatus\n`);
  await helper.expect('ready');
  expect(await helper.expect('status')).toEqual({ event: 'status', phase: 'prepared' });
  helper.say('TTTquit\n');
  expect(await helper.ended).toBe(0);
});

test('a release byte that came before the freeze does not release it', async () => {
  const { helper } = await readyHelper([disk], { leaseMs: 300 });
  helper.say('TTfreeze\nTT');
  await helper.expect('frozen');
  await helper.expect('expired');
  expect(await helper.expect('finished')).toMatchObject({ reason: 'lease' });
});

test.each([
  ['an unknown command', 'thaw\n', 'is no command'],
  ['an empty line', '\n', 'an empty line is no command'],
  ['ready before prepare', 'ready\n', 'is not what comes now'],
  ['freeze before ready', 'freeze\n', 'is not what comes now'],
  ['a file system before prepare', 'filesystem 8:1 /data\n', 'is not what comes now'],
  ['prepare without numbers', 'prepare soon later never -\n', 'lease, life and script time must be milliseconds'],
  ['a negative number', 'prepare -1 1 1 -\n', 'lease, life and script time must be milliseconds'],
  ['a huge number', 'prepare 9999999999999999999999 1 1 -\n', 'lease, life and script time must be milliseconds'],
  ['a lease too short', 'prepare 99 60000 1000 -\n', 'the lease must be 100 to 600000 ms'],
  ['a lease too long', 'prepare 600001 60000 1000 -\n', 'the lease must be 100 to 600000 ms'],
  ['no folder for scripts', 'prepare 1000 60000 1000\n', 'a directory or - must come last'],
  ['a word too many', 'prepare 1000 60000 1000 - -\n', 'a directory or - must come last'],
  ['a relative folder', 'prepare 1000 60000 1000 scripts\n', 'is no absolute path'],
  ['a line too long', `${'x'.repeat(40_000)}\n`, 'the line is too long'],
])('%s is refused, and the helper goes on', async (_, line, message) => {
  const helper = await greeted();
  helper.say(line);
  expect(await helper.expect('failed')).toMatchObject({ phase: 'idle', message, scripts: [] });
  helper.say('status\n');
  expect(await helper.expect('status')).toEqual({ event: 'status', phase: 'idle' });
});

interface Refusal {
  readonly device: string;
  readonly mountPoint: string;
  readonly message: string;
}

async function refusalOf(...lines: readonly string[]) {
  const helper = await greeted();
  helper.say(`${prepareLine()}${lines.join('')}ready\n`);
  return await helper.expect('failed');
}

test('what is not what the client takes it for is refused by ready', async () => {
  const plain = path.join(folder, 'plain');
  const link = path.join(folder, 'link');
  mkdirSync(plain, { recursive: true });
  symlinkSync(disk.mountPoint, link);
  const refusals: Refusal[] = [
    { device: disk.device, mountPoint: plain, message: 'is no mount point' },
    { device: disk.device, mountPoint: link, message: 'is no mount point' },
    { device: disk.device, mountPoint: '/does/not/exist', message: 'is no mount point' },
    { device: '8:77', mountPoint: disk.mountPoint, message: 'is another device now' },
    { device: deviceAt('/proc'), mountPoint: '/proc', message: 'is a kind of file system that cannot be frozen' },
    {
      device: deviceAt('/run/snaphook'),
      mountPoint: '/run/snaphook',
      message: 'is a kind of file system that cannot be frozen',
    },
  ];
  for (const { device, mountPoint, message } of refusals)
    expect(await refusalOf(`filesystem ${device} ${mountPoint}\n`)).toMatchObject({ object: mountPoint, message });
  expect(await refusalOf()).toMatchObject({ message: 'no file system was named' });
  expect(await refusalOf(`filesystem ${'1'.repeat(80)} ${disk.mountPoint}\n`)).toMatchObject({
    message: 'is another device now',
  });
});

test('a mount that another one hides is refused', async () => {
  const parent = path.join(folder, 'parent');
  const inner = path.join(parent, 'inner');
  mkdirSync(inner, { recursive: true });
  must('mount', '--bind', disk.mountPoint, inner);
  must('mount', '-t', 'tmpfs', 'tmpfs', parent);
  mkdirSync(inner);
  expect(await refusalOf(`filesystem ${disk.device} ${inner}\n`)).toMatchObject({ message: 'leads to another mount' });
  must('umount', parent);
  must('umount', inner);
});

test('one file system by two mounts is refused: the second freeze would find it frozen', async () => {
  const second = path.join(folder, 'second');
  mkdirSync(second);
  must('mount', '--bind', disk.mountPoint, second);
  expect(await refusalOf(fileSystemLine(disk), `filesystem ${disk.device} ${second}\n`)).toMatchObject({
    object: second,
    message: 'is a file system that is named already',
  });
  must('umount', second);
});

test('btrfs subvolumes are one file system, whose device is that of the mount, not of its files', async () => {
  const btrfs = makeDisk('btrfs');
  must('btrfs', 'subvolume', 'create', path.join(btrfs.mountPoint, 'sub'));
  const sub = path.join(folder, 'subvolume');
  mkdirSync(sub);
  must('mount', '-o', 'subvol=sub', btrfs.image.replace(/.*/, must('findmnt', '-no', 'SOURCE', btrfs.mountPoint)), sub);
  expect(deviceAt(sub)).toBe(btrfs.device);
  expect(await refusalOf(fileSystemLine(btrfs), `filesystem ${btrfs.device} ${sub}\n`)).toMatchObject({
    message: 'is a file system that is named already',
  });
  const { helper } = await readyHelper([{ ...btrfs, mountPoint: sub }]);
  helper.say('freeze\n');
  await helper.expect('frozen');
  helper.say('T');
  await helper.expect('thawed');
  helper.say('quit\n');
  await helper.ended;
  await unmount({ mountPoint: sub });
});

test('a mount point with odd bytes is written and understood with octal digits', async () => {
  const odd = path.join(folder, 'a b"c\\d\te\nfü');
  const escaped = `${folder}/a\\040b\\042c\\134d\\011e\\012f\\303\\274`;
  mkdirSync(odd);
  must('mount', '--bind', disk.mountPoint, odd);
  const helper = await greeted();
  helper.say('facts\n');
  const { mounts } = await helper.expect('facts');
  expect(mounts.find(({ mountPoint }) => mountPoint === escaped)).toMatchObject({ device: disk.device, root: '/' });
  helper.say(`${prepareLine()}filesystem ${disk.device} ${escaped}\nready\nfreeze\n`);
  await helper.expect('ready');
  await helper.expect('frozen');
  helper.say('T');
  await helper.expect('thawed');
  expect(await helper.expect('finished')).toMatchObject({ fileSystems: [{ mountPoint: escaped, held: true }] });
  helper.say('quit\n');
  await helper.ended;
  await unmount({ mountPoint: odd });
});

test.each(['ready\n', 'prepare 1000 60000 1000 -\n', 'nonsense\n'])(
  'what comes out of order after ready ends the session: %j',
  async (line) => {
    const { helper, hello, recorded } = await readyHelper([disk]);
    helper.say(line);
    expect(await helper.expect('failed')).toMatchObject({ phase: 'prepared' });
    expect(hasRecord(hello.token)).toBe(false);
    expect(await until(() => isDead(recorded.watchdog) && isDead(recorded.freezer), 2000)).toBe(true);
    helper.say('freeze\n');
    expect(await helper.expect('failed')).toMatchObject({ phase: 'finished', message: 'the session is over' });
  },
);

test('abort before the freeze ends the session, and nothing can be frozen in it', async () => {
  const { helper, hello } = await readyHelper([disk]);
  helper.say('abort\nfreeze\n');
  await helper.expect('aborted');
  await helper.expect('failed');
  expect(hasRecord(hello.token)).toBe(false);
});

test('a session that nobody freezes ends by itself', async () => {
  const { helper, hello, recorded } = await readyHelper([disk], { lifeMs: 1000 });
  expect(await helper.ended).toBe(0);
  expect(hasRecord(hello.token)).toBe(false);
  expect(await until(() => isDead(recorded.watchdog), 2000)).toBe(true);
});

test.each(['watchdog', 'thawer', 'freezer'] as const)(
  'without its %s a session that is ready cannot freeze',
  async (role) => {
    const { helper, hello, recorded } = await readyHelper([disk]);
    expect(killed(recorded[role])).toBe(true);
    expect(await until(() => !hasRecord(hello.token), 3000)).toBe(true);
    helper.say('freeze\n');
    expect(await helper.expect('failed')).toMatchObject({ message: 'another process of the session died' });
  },
);

test('an unreadable folder for scripts and a missing one: the first is refused, the second holds no scripts', async () => {
  const { helper } = await toldReady([disk], { scripts: path.join(safeFolder, 'no-scripts') });
  expect(await helper.expect('ready')).toMatchObject({ scripts: [] });
  const file = path.join(safeFolder, 'plain-file');
  writeFileSync(file, '');
  const { helper: other } = await toldReady([disk], { scripts: file });
  expect(await other.expect('failed')).toMatchObject({ object: file });
});
