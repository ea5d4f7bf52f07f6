import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import {
  frozenHelper,
  HelperProcess,
  hasRecord,
  isDead,
  killed,
  readyHelper,
  recordFile,
  release,
} from './helper-process.ts';
import { type LoopDisk, makeDisk, must, removeDisks, succeeds } from './loop-disk.ts';
import { until } from './stage.ts';
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

test('a record whose mount point is another device now thaws nothing', async () => {
  const token = 'a'.repeat(32);
  const bootId = must('cat', '/proc/sys/kernel/random/boot_id');
  const processes = 'keeper 4194304 1\nwatchdog 4194304 1\nthawer 4194304 1\nfreezer 4194304 1\n';
  const write = (device: string): void =>
    writeFileSync(
      recordFile(token),
      `snaphook-freeze 1\nboot ${bootId}\n${processes}filesystem ${device} ${disk.mountPoint}\n`,
      { mode: 0o600 },
    );
  must('fsfreeze', '-f', disk.mountPoint);
  write('259:77');
  expect(await release(bootId, token)).toEqual(found(true));
  expect(existsSync(recordFile(token))).toBe(false);
  write(disk.device);
  expect(await release(bootId, token)).toEqual(found(true));
  expect(succeeds('fsfreeze', '-u', disk.mountPoint)).toBe(false);
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
