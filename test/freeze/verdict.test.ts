import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { frozenHelper, HelperProcess, hasRecord, isDead, killed, readyHelper, stateOf } from './helper-process.ts';
import { faultsOf, type LoopDisk, makeDisk, removeDisks, unmount } from './loop-disk.ts';
import { must, succeeds } from './programs.ts';
import { until } from './until.ts';
import { startWriter, type Writer } from './writer.ts';

let disks: LoopDisk[];
let writers: Writer[];

beforeAll(async () => {
  disks = [makeDisk('ext4'), makeDisk('xfs'), makeDisk('btrfs')];
  writers = await Promise.all(disks.map(({ mountPoint }) => startWriter(mountPoint)));
});

afterEach(() => HelperProcess.killAll());

afterAll(async () => {
  for (const { mountPoint } of disks) succeeds('fsfreeze', '-u', mountPoint);
  await Promise.all(writers.map((writer) => writer.close()));
  removeDisks();
});

const allWaitInKernel = (): boolean => writers.every(({ pid }) => stateOf(pid) === 'D');
const reports = (frozen: boolean, held: boolean) =>
  disks.map(({ mountPoint }) => ({ mountPoint, frozen, held, errno: 0 }));

async function expectWritersToGoOn(): Promise<void> {
  const stalls = await Promise.all(writers.map((writer) => writer.ask(3000)));
  expect(stalls.map((stall) => stall !== undefined)).toEqual([true, true, true]);
}

test('the release byte thaws ext4, XFS and btrfs: writers wait in the kernel, readers do not, all were held', async () => {
  const note = path.join(disks[0]?.mountPoint ?? '', 'note');
  writeFileSync(note, 'readable');
  const { helper, hello, ready } = await frozenHelper(disks);
  expect(ready).toEqual({ event: 'ready', ownFileSystem: '', scripts: [] });
  expect(await until(allWaitInKernel, 3000)).toBe(true);
  expect(readFileSync(note, 'utf8')).toBe('readable');
  expect(hasRecord(hello.token)).toBe(true);
  helper.say('T');
  expect((await helper.expect('thawed')).heldMs).toBeGreaterThan(0);
  expect(await helper.expect('finished')).toEqual({
    event: 'finished',
    reason: 'released',
    fileSystems: reports(true, true),
    scripts: [],
  });
  expect(hasRecord(hello.token)).toBe(false);
  await expectWritersToGoOn();
  helper.say('quit\n');
  expect(await helper.ended).toBe(0);
});

test('without a release byte the lease ends the freeze, and it does not count', async () => {
  const { helper, recorded } = await frozenHelper(disks, { leaseMs: 300 });
  const { heldMs } = await helper.expect('expired');
  expect(heldMs).toBeGreaterThan(100);
  expect(heldMs).toBeLessThan(1300);
  expect(await helper.expect('finished')).toMatchObject({ reason: 'lease', fileSystems: reports(true, false) });
  await expectWritersToGoOn();
  helper.say('T');
  helper.say('Tstatus\n');
  expect(await helper.expect('status')).toEqual({ event: 'status', phase: 'finished' });
  expect(await until(() => isDead(recorded.watchdog), 2000)).toBe(true);
});

test('the end of the input thaws at once and ends the helper', async () => {
  const { helper, hello, recorded } = await frozenHelper(disks);
  helper.endInput();
  await helper.expect('expired');
  expect(await helper.expect('finished')).toMatchObject({ reason: 'end-of-input' });
  expect(await helper.ended).toBe(0);
  expect(hasRecord(hello.token)).toBe(false);
  expect(await until(() => isDead(recorded.watchdog), 2000)).toBe(true);
  await expectWritersToGoOn();
});

test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('%s is like the end of the input', async (signal) => {
  const { helper } = await frozenHelper(disks);
  helper.kill(signal);
  await helper.expect('expired');
  expect(await helper.expect('finished')).toMatchObject({ reason: 'end-of-input' });
  expect(await helper.ended).toBe(0);
});

test('abort thaws what stands still, and lines that came in the window are answered after it', async () => {
  const { helper } = await frozenHelper(disks);
  helper.say('status\nabort\n');
  await helper.expect('expired');
  expect(await helper.expect('finished')).toMatchObject({ reason: 'aborted' });
  expect(await helper.expect('status')).toEqual({ event: 'status', phase: 'finished' });
  await helper.expect('aborted');
  await expectWritersToGoOn();
});

test('a file system that somebody else thawed was not held', async () => {
  const { helper } = await frozenHelper(disks);
  must('fsfreeze', '-u', disks[1]?.mountPoint ?? '');
  helper.say('T');
  await helper.expect('expired');
  const { reason, fileSystems } = await helper.expect('finished');
  expect(reason).toBe('foreign');
  expect(fileSystems.map(({ held }) => held)).toEqual([true, false, true]);
});

test.each(['watchdog', 'thawer'] as const)(
  'the %s killed: everything is thawed at once and the keeper says so',
  async (role) => {
    const { helper, recorded } = await frozenHelper(disks, { leaseMs: 60_000 });
    expect(killed(recorded[role])).toBe(true);
    await helper.expect('expired');
    expect(await helper.expect('finished')).toMatchObject({ reason: 'peer' });
    await expectWritersToGoOn();
  },
);

test('the keeper killed: the watchdog thaws at once, removes the record and ends', async () => {
  const { helper, hello, recorded } = await frozenHelper(disks, { leaseMs: 60_000 });
  helper.kill();
  expect(await until(() => isDead(recorded.watchdog), 2000)).toBe(true);
  expect(hasRecord(hello.token)).toBe(false);
  await expectWritersToGoOn();
});

test.each(['keeper', 'watchdog', 'thawer'] as const)(
  'the %s stopped: the lease ends the freeze all the same',
  async (role) => {
    const { recorded } = await frozenHelper(disks, { leaseMs: 1000 });
    expect(await until(allWaitInKernel, 900)).toBe(true);
    process.kill(recorded[role], 'SIGSTOP');
    await expectWritersToGoOn();
    process.kill(recorded[role], 'SIGKILL');
  },
);

test('a freezer that is stopped holds nothing up', async () => {
  const { helper, hello, recorded } = await readyHelper(disks);
  process.kill(recorded.freezer, 'SIGSTOP');
  helper.say('freeze\nabort\n');
  expect(await helper.expect('failed')).toMatchObject({ phase: 'freeze', message: 'was aborted' });
  await helper.expect('aborted');
  expect(hasRecord(hello.token)).toBe(false);
  await expectWritersToGoOn();
});

/** Not every container lets even root protect a process from the memory killer. */
const mayProtect = succeeds('sh', '-c', 'echo -1000 2>/dev/null >/proc/self/oom_score_adj');

test('the other processes have sessions of their own at /, memory that stays, and none of the caller’s pipes', async () => {
  const { helper, recorded } = await readyHelper(disks);
  const callers = [0, 1, 2].map((fd) => must('readlink', `/proc/${helper.pid}/fd/${fd}`));
  for (const [pid, name] of [
    [recorded.watchdog, 'snaphook-watch'],
    [recorded.thawer, 'snaphook-thaw'],
    [recorded.freezer, 'snaphook-freezr'],
  ] as const) {
    const read = (file: string): string => readFileSync(`/proc/${pid}/${file}`, 'utf8').trim();
    expect(read('comm')).toBe(name);
    expect(must('readlink', `/proc/${pid}/cwd`)).toBe('/');
    expect(read('stat').split(') ')[1]?.split(' ')[3]).toBe(String(pid));
    for (const fd of [0, 1, 2]) expect(must('readlink', `/proc/${pid}/fd/${fd}`)).toBe('/dev/null');
    const held = must('find', `/proc/${pid}/fd`, '-type', 'l', '-printf', '%l\n').split('\n');
    expect(held.filter((target) => callers.includes(target))).toEqual([]);
    expect(Number(/VmLck:\s+(\d+)/.exec(read('status'))?.[1])).toBeGreaterThan(0);
  }
  const score = readFileSync(`/proc/${recorded.watchdog}/oom_score_adj`, 'utf8').trim();
  expect(score).toBe(mayProtect ? '-1000' : '0');
});

test('after all this the file systems are sound', async () => {
  await Promise.all(writers.map((writer) => writer.close()));
  writers = [];
  for (const disk of disks) await unmount(disk);
  expect(disks.map(faultsOf)).toEqual(['', '', '']);
});
