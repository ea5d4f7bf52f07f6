import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  fileSystemLine,
  frozenHelper,
  HelperProcess,
  hasRecord,
  isDead,
  killed,
  prepareLine,
  readyHelper,
  stateOf,
} from './helper-process.ts';
import { deviceAt, type FileSystemKind, faultsOf, type LoopDisk, makeDisk, removeDisks, unmount } from './loop-disk.ts';
import { must, succeeds } from './programs.ts';
import { helperProgram } from './stage.ts';
import { until } from './until.ts';
import { startWriter } from './writer.ts';

afterEach(() => {
  HelperProcess.killAll();
  removeDisks();
});

const canThaw = ({ mountPoint }: LoopDisk): boolean => succeeds('fsfreeze', '-u', mountPoint);

test.each(['ext4', 'xfs', 'btrfs'] as const)('%s frozen by somebody else stays frozen for its owner', async (kind) => {
  const first = makeDisk('ext4');
  const foreign = makeDisk(kind);
  const last = makeDisk('ext4');
  const { helper, hello } = await readyHelper([first, foreign, last]);
  must('fsfreeze', '-f', foreign.mountPoint);
  helper.say('freeze\n');
  expect(await helper.expect('failed')).toMatchObject({
    phase: 'freeze',
    object: foreign.mountPoint,
    message: 'is frozen already by somebody else',
    errno: 16,
  });
  expect(hasRecord(hello.token)).toBe(false);
  expect([first, foreign, last].map(canThaw)).toEqual([false, true, false]);
});

test('a freeze of somebody else is not touched by the end of a session that never froze', async () => {
  const disk = makeDisk('ext4');
  const { helper, recorded } = await readyHelper([disk]);
  must('fsfreeze', '-f', disk.mountPoint);
  helper.kill();
  expect(await until(() => isDead(recorded.watchdog) && isDead(recorded.thawer), 3000)).toBe(true);
  expect(canThaw(disk)).toBe(true);
});

test('a read-only file system freezes like any other', async () => {
  const readOnly = makeDisk('ext4');
  must('mount', '-o', 'remount,ro', readOnly.mountPoint);
  const { helper } = await frozenHelper([makeDisk('ext4'), readOnly]);
  helper.say('T');
  await helper.expect('thawed');
});

/** The image of the inner disk is a file on the outer one, so the inner must be frozen first and thawed last. */
function nested(inner: FileSystemKind, outer: FileSystemKind): { inner: LoopDisk; outer: LoopDisk } {
  const below = makeDisk(outer);
  return { outer: below, inner: makeDisk(inner, below.mountPoint) };
}

test('a file system in a file of another one: frozen inner first, thawed outer first', async () => {
  const { inner, outer } = nested('ext4', 'xfs');
  const writer = await startWriter(inner.mountPoint);
  for (let turn = 0; turn < 5; turn += 1) {
    const { helper } = await frozenHelper([inner, outer]);
    expect(await until(() => stateOf(writer.pid) === 'D', 3000)).toBe(true);
    helper.say('T');
    await helper.expect('thawed');
    await helper.expect('finished');
    helper.say('quit\n');
    await helper.ended;
    expect(await writer.ask(3000)).toBeDefined();
  }
  await writer.close();
  await unmount(inner);
  expect(faultsOf(inner)).toBe('');
  await unmount(outer);
  expect(faultsOf(outer)).toBe('');
});

test.each(['keeper', 'watchdog', 'thawer', 'freezer'] as const)(
  'nested file systems thaw whenever the %s is killed',
  async (role) => {
    const { inner, outer } = nested('ext4', 'ext4');
    const writer = await startWriter(inner.mountPoint);
    for (const delayMs of [0, 5, 15, 30, 60, 90]) {
      const { helper, recorded, hello } = await readyHelper([inner, outer], { leaseMs: 500 });
      helper.say('freeze\n');
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      killed(recorded[role]);
      expect([delayMs, await until(() => !hasRecord(hello.token), 1500)]).toEqual([delayMs, true]);
      expect([delayMs, ((await writer.ask(1500))?.longestMs ?? Number.POSITIVE_INFINITY) < 1500]).toEqual([
        delayMs,
        true,
      ]);
      helper.say('quit\n');
    }
    await writer.close();
  },
);

/** In the wrong order the inner one's freeze has to write to the outer one, which stands still already: it waits for the thaw. */
async function stuckFreeze(leaseMs: number) {
  const { inner, outer } = nested('ext4', 'ext4');
  const session = await readyHelper([outer, inner], { leaseMs });
  writeFileSync(path.join(inner.mountPoint, 'dirty'), Buffer.alloc(1 << 20));
  session.helper.say('freeze\n');
  expect(await until(() => stateOf(session.recorded.freezer) === 'D', 3000)).toBe(true);
  return { ...session, inner, outer };
}

test('a freeze that takes longer than its lease fails, and nothing stands still after it', async () => {
  const { helper, inner, outer } = await stuckFreeze(500);
  expect(await helper.expect('failed')).toMatchObject({ phase: 'freeze', message: 'did not freeze within the lease' });
  expect([outer, inner].map(canThaw)).toEqual([false, false]);
  writeFileSync(path.join(inner.mountPoint, 'more'), 'x');
});

test.each([
  ['thawer', ['keeper', 'watchdog']],
  ['watchdog', ['keeper', 'thawer']],
  ['keeper', ['watchdog', 'thawer']],
] as const)('a freeze that waits for ever is ended by the %s alone', async (_, victims) => {
  const { recorded, inner, outer } = await stuckFreeze(60_000);
  for (const victim of victims) killed(recorded[victim]);
  expect(await until(() => isDead(recorded.freezer), 3000)).toBe(true);
  expect(
    await until(
      () =>
        spawnSync('dd', ['if=/dev/zero', `of=${inner.mountPoint}/more`, 'count=1', 'conv=fsync'], { timeout: 2000 })
          .status === 0,
      3000,
    ),
  ).toBe(true);
  expect([outer, inner].map(canThaw)).toEqual([false, false]);
});

test('the file system that holds the helper is named, and works', async () => {
  const disk = makeDisk('ext4');
  const own = path.join(disk.mountPoint, 'snaphook-freeze');
  copyFileSync(helperProgram, own);
  const helper = new HelperProcess(own);
  await helper.expect('hello');
  helper.say(`${prepareLine({ leaseMs: 400 })}${fileSystemLine(disk)}ready\n`);
  expect(await helper.expect('ready')).toMatchObject({ ownFileSystem: disk.mountPoint });
  helper.say('freeze\n');
  await helper.expect('frozen');
  await helper.expect('expired');
  helper.say('quit\n');
  expect(await helper.ended).toBe(0);
});

test('the file system that holds the records is named, and works', async () => {
  const disk = makeDisk('ext4');
  must('chmod', '700', disk.mountPoint);
  must('mount', '--bind', disk.mountPoint, '/run/snaphook');
  try {
    const { helper, ready, hello } = await frozenHelper([disk]);
    expect(ready.ownFileSystem).toBe(disk.mountPoint);
    helper.say('T');
    await helper.expect('thawed');
    await helper.expect('finished');
    expect(hasRecord(hello.token)).toBe(false);
  } finally {
    must('umount', '/run/snaphook');
  }
});

/** A root file system with the helper and the shell, and nothing else; `/proc` is not of it. */
function makeRoot(): LoopDisk {
  const disk = makeDisk('ext4');
  for (const folder of ['proc', 'dev', 'sys', 'run', 'tmp']) mkdirSync(path.join(disk.mountPoint, folder));
  copyFileSync(helperProgram, path.join(disk.mountPoint, 'snaphook-freeze'));
  must('mount', '-t', 'proc', 'proc', path.join(disk.mountPoint, 'proc'));
  writeFileSync(path.join(disk.mountPoint, 'dev/null'), '');
  must('mount', '--bind', '/dev/null', path.join(disk.mountPoint, 'dev/null'));
  return disk;
}

test.each(['keeper', 'watchdog', 'nobody'] as const)(
  '/ itself, with /run on it, freezes and thaws; killed: %s',
  async (victim) => {
    const root = makeRoot();
    const helper = new HelperProcess('unshare', [
      ...['--mount', '--propagation', 'private', '--root', root.mountPoint],
      ...['/snaphook-freeze', 'serve'],
    ]);
    const { token } = await helper.expect('hello');
    helper.say(`${prepareLine()}filesystem ${deviceAt(root.mountPoint)} /\nready\n`);
    const ready = await helper.next();
    expect(ready).toMatchObject({ event: 'ready', ownFileSystem: '/' });
    const record = readFileSync(path.join(root.mountPoint, 'run/snaphook', token), 'utf8');
    const watchdog = Number(/^watchdog (\d+)/m.exec(record)?.[1]);
    helper.say('freeze\n');
    await helper.expect('frozen');
    const writer = spawn('touch', [path.join(root.mountPoint, 'tmp/x')]);
    const wrote = new Promise((resolve) => writer.once('exit', resolve));
    expect(await until(() => stateOf(writer.pid ?? 0) === 'D', 3000)).toBe(true);
    if (victim === 'keeper') helper.kill();
    else if (victim === 'watchdog') killed(watchdog);
    else helper.say('T');
    expect(await wrote).toBe(0);
    helper.say('quit\n');
    await helper.ended;
    expect(await until(() => isDead(watchdog), 3000)).toBe(true);
  },
);
