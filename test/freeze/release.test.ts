import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  frozenHelper,
  HelperProcess,
  hasRecord,
  isDead,
  killed,
  readyHelper,
  recordFile,
  release,
  stateOf,
} from './helper-process.ts';
import { type LoopDisk, makeDisk, removeDisks } from './loop-disk.ts';
import { must, succeeds } from './programs.ts';
import { folder, helperProgram } from './stage.ts';
import { until } from './until.ts';
import { startWriter, type Writer } from './writer.ts';

let disk: LoopDisk;
let writer: Writer;

beforeAll(async () => {
  disk = makeDisk('ext4');
  writer = await startWriter(disk.mountPoint);
});

afterEach(() => HelperProcess.killAll());
afterAll(async () => {
  succeeds('fsfreeze', '-u', disk.mountPoint);
  await writer.close();
  removeDisks();
});

const goesOn = async (): Promise<boolean> => (await writer.ask(3000)) !== undefined;
const found = (value: boolean) => ({ event: 'released', found: value });

/** Somebody thaws by that record just now. */
const isLocked = (token: string): boolean => !succeeds('flock', '--nonblock', recordFile(token), 'true');

/** Nobody of it is left to thaw. */
async function killedSession() {
  const session = await frozenHelper([disk]);
  const { keeper, watchdog, thawer } = session.recorded;
  for (const pid of [keeper, watchdog, thawer]) process.kill(pid, 'SIGSTOP');
  for (const pid of [keeper, watchdog, thawer]) killed(pid);
  expect(await until(() => [keeper, watchdog, thawer].every(isDead), 2000)).toBe(true);
  return session.hello;
}

test('release ends a living session: thawed at once, its record gone, the client told', async () => {
  const { helper, hello, recorded } = await frozenHelper([disk]);
  expect(must('stat', '-c', '%a %u', recordFile(hello.token))).toBe('600 0');
  expect(must('stat', '-c', '%a %u', '/run/snaphook')).toBe('700 0');
  expect(await release(hello.bootId, hello.token)).toEqual(found(true));
  expect(hasRecord(hello.token)).toBe(false);
  await helper.expect('expired');
  expect(await helper.expect('finished')).toMatchObject({ reason: 'aborted' });
  expect(await goesOn()).toBe(true);
  expect(await until(() => isDead(recorded.watchdog), 2000)).toBe(true);
  expect(await release(hello.bootId, hello.token)).toEqual(found(false));
});

test('release ends a session that is only ready', async () => {
  const { helper, hello } = await readyHelper([disk]);
  expect(await release(hello.bootId, hello.token)).toEqual(found(true));
  helper.say('freeze\n');
  expect(await helper.expect('failed')).toMatchObject({ message: 'the session was released from outside' });
});

test('release while the watchdog is dead and the others thaw: found or over already, and nothing stands still', async () => {
  const { hello, recorded } = await frozenHelper([disk]);
  killed(recorded.watchdog);
  expect(await release(hello.bootId, hello.token)).toMatchObject({ event: 'released' });
  expect(hasRecord(hello.token)).toBe(false);
  expect(await goesOn()).toBe(true);
});

test('with everybody dead release thaws by the record', async () => {
  const { bootId, token } = await killedSession();
  expect(await release(bootId, token)).toEqual(found(true));
  expect(await goesOn()).toBe(true);
  expect(hasRecord(token)).toBe(false);
});

test('the next serve thaws what a dead session left', async () => {
  const { token } = await killedSession();
  await new HelperProcess().expect('hello');
  expect(hasRecord(token)).toBe(false);
  expect(await goesOn()).toBe(true);
});

test('serve leaves the record of a living session alone', async () => {
  const { helper, hello } = await frozenHelper([disk]);
  await new HelperProcess().expect('hello');
  expect(hasRecord(hello.token)).toBe(true);
  helper.say('T');
  await helper.expect('thawed');
});

test('another boot, another token, a bad token: nothing is found, nothing is thawed', async () => {
  const { helper, hello } = await frozenHelper([disk]);
  expect(await release('00000000-0000-0000-0000-000000000000', hello.token)).toEqual(found(false));
  expect(await release(hello.bootId, '0'.repeat(32))).toEqual(found(false));
  await expect(release(hello.bootId, '../../etc/passwd')).rejects.toThrow();
  helper.say('T');
  await helper.expect('thawed');
});

/** The record of a session of which nobody lives. */
function writeDeadRecord(token: string, device: string, mountPoint: string): string {
  const bootId = must('cat', '/proc/sys/kernel/random/boot_id');
  const processes = 'keeper 4194304 1\nwatchdog 4194304 1\nthawer 4194304 1\nfreezer 4194304 1\n';
  const record = `snaphook-freeze 1\nboot ${bootId}\n${processes}filesystem ${device} ${mountPoint}\n`;
  writeFileSync(recordFile(token), record, { mode: 0o600 });
  return bootId;
}

const canThaw = (): boolean => succeeds('fsfreeze', '-u', disk.mountPoint);

test('a record whose device is mounted nowhere thaws nothing and is gone', async () => {
  const token = 'a'.repeat(32);
  must('fsfreeze', '-f', disk.mountPoint);
  const bootId = writeDeadRecord(token, '259:77', disk.mountPoint);
  expect(await release(bootId, token)).toEqual(found(true));
  expect(existsSync(recordFile(token))).toBe(false);
  expect(canThaw()).toBe(true);
});

test('another mount on top: release fails and keeps the record, and thaws once something leads there again', async () => {
  const { bootId, token } = await killedSession();
  must('mount', '-t', 'tmpfs', 'tmpfs', disk.mountPoint);
  try {
    await expect(release(bootId, token)).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining(
        `"object":"${disk.mountPoint}","message":"is mounted, but no mount point leads to it"`,
      ),
    });
    await new HelperProcess().expect('hello');
    expect(hasRecord(token)).toBe(true);
  } finally {
    must('umount', disk.mountPoint);
  }
  expect(canThaw()).toBe(true);
  must('fsfreeze', '-f', disk.mountPoint);
  expect(await release(bootId, token)).toEqual(found(true));
  expect([hasRecord(token), canThaw()]).toEqual([false, false]);
});

test('a file system whose mount point is hidden is thawed by another one of its own', async () => {
  const { bootId, token } = await killedSession();
  const second = mkdtempSync(path.join(folder, 'second-'));
  must('mount', '--bind', disk.mountPoint, second);
  must('mount', '-t', 'tmpfs', 'tmpfs', disk.mountPoint);
  try {
    expect(await release(bootId, token)).toEqual(found(true));
    expect([hasRecord(token), await goesOn()]).toEqual([false, true]);
  } finally {
    must('umount', disk.mountPoint);
    must('umount', second);
  }
});

test('a thaw by record that the kernel refuses is no release, and keeps the record', async () => {
  const { bootId, token } = await killedSession();
  const withoutRight = ['--bounding-set', '-sys_admin', helperProgram, 'release', bootId, token];
  const { status, stdout } = spawnSync('setpriv', withoutRight, { encoding: 'utf8' });
  expect([status, JSON.parse(stdout)]).toMatchObject([
    1,
    { event: 'failed', object: disk.mountPoint, message: 'cannot be thawed', errno: 1 },
  ]);
  expect(hasRecord(token)).toBe(true);
  expect(await release(bootId, token)).toEqual(found(true));
  expect(await goesOn()).toBe(true);
});

test("keeper and watchdog killed: the thawer thaws and removes the record, so that a later freeze is a stranger's", async () => {
  const { hello, recorded } = await frozenHelper([disk]);
  // Otherwise the watchdog may notice the keeper's end before its own, and remove the record.
  process.kill(recorded.watchdog, 'SIGSTOP');
  expect(await until(() => stateOf(recorded.watchdog) === 'T', 2000)).toBe(true);
  killed(recorded.watchdog);
  killed(recorded.keeper);
  expect(await goesOn()).toBe(true);
  expect(await until(() => !hasRecord(hello.token), 1000)).toBe(true);
  must('fsfreeze', '-f', disk.mountPoint);
  await new HelperProcess().expect('hello');
  expect(canThaw()).toBe(true);
});

test('a record that is removed while release waits is not obeyed any more', async () => {
  const token = 'e'.repeat(32);
  const freezer = spawn('sleep', ['60']);
  await until(() => stateOf(freezer.pid ?? 0) === 'S', 2000);
  must('fsfreeze', '-f', disk.mountPoint);
  const bootId = writeDeadRecord(token, disk.device, disk.mountPoint);
  const start = must('cut', '-d', ' ', '-f', '22', `/proc/${freezer.pid}/stat`);
  const text = readFileSync(recordFile(token), 'utf8');
  writeFileSync(recordFile(token), text.replace('freezer 4194304 1', `freezer ${freezer.pid} ${start}`));
  // Release gives the freezer half a second to end by itself.
  const released = release(bootId, token);
  expect(await until(() => isLocked(token), 2000)).toBe(true);
  must('rm', recordFile(token));
  expect(await released).toEqual(found(true));
  expect(canThaw()).toBe(true);
});

test('with the records on what stands still and everybody dead, release and serve reach them', async () => {
  must('chmod', '700', disk.mountPoint);
  must('mount', '--bind', disk.mountPoint, '/run/snaphook');
  try {
    const { bootId, token } = await killedSession();
    expect(await release(bootId, token)).toEqual(found(true));
    const { token: other } = await killedSession();
    await new HelperProcess().expect('hello');
    expect([hasRecord(token), hasRecord(other), await goesOn()]).toEqual([false, false, true]);
  } finally {
    must('umount', '/run/snaphook');
  }
});

test('a pid that another process has now is no guard: start times differ', async () => {
  const token = 'b'.repeat(32);
  const bootId = must('cat', '/proc/sys/kernel/random/boot_id');
  const mine = `${process.pid} 1`;
  writeFileSync(
    recordFile(token),
    `snaphook-freeze 1\nboot ${bootId}\nkeeper ${mine}\nwatchdog ${mine}\nthawer ${mine}\nfreezer ${mine}\n`,
    { mode: 0o600 },
  );
  expect(await release(bootId, token)).toEqual(found(true));
});

test('a record that is no record is neither obeyed nor in the way', async () => {
  const token = 'c'.repeat(32);
  writeFileSync(recordFile(token), 'snaphook-freeze 1\nboot x\nfilesystem\n', { mode: 0o600 });
  const { helper } = await readyHelper([disk]);
  helper.say('quit\n');
  expect(await helper.ended).toBe(0);
  must('rm', recordFile(token));
});

test('nothing is left in /run/snaphook', () => {
  expect(readdirSync('/run/snaphook')).toEqual([]);
});
