import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../../src/platform/clock.ts';
import { createFileLocks } from '../../../src/platform/file-locks.ts';
import type { Locks, LockUser, Waiting } from '../../../src/ports/journal.ts';

let folder: string;
let locks: Locks;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-stop-'));
  locks = createFileLocks(folder, systemClock);
});

const aborted = (signal: AbortSignal) => once(signal, 'abort');
const asking = (why: string, waitMs: number): Waiting => ({ meet: () => ({ waitMs, stop: why }) });
const withEnd = (end: string) => readdirSync(folder).filter((name) => name.endsWith(end));
const requests = () => withEnd('.stop');
/** What a process would have written that is not there any more. */
async function writeAsDead(name: string): Promise<void> {
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  writeFileSync(path.join(folder, name), JSON.stringify({ why: 'x', pid: dead.pid, host: os.hostname() }));
}
/** `LOCK.HOLDER` of a holding that is there. */
function holding(): string {
  const [owner = ''] = withEnd('.owner');
  const { id } = JSON.parse(readFileSync(path.join(folder, owner), 'utf8')) as { id: string }; // written by the lock itself
  return `${owner.replace('.owner', '')}.${id}`;
}
/** A request is a file: seen as soon as it is there. */
async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 5000;
  while (!condition() && performance.now() < endMs) await systemClock.sleep(5);
  expect(condition()).toBe(true);
}

test('a holder that listens learns who asks it to stop, and whoever asked gets the lock and learns that it was heard', async () => {
  const holder = await locks.acquire('job-a', 0);
  const stop = holder.listenForStop();

  const next = locks.acquire('job-a', 5000, asking('the post hook came', 5000));
  await aborted(stop);
  await holder.release();

  expect(stop.reason).toMatchObject({
    code: 'E_INTERRUPTED',
    message: `interrupted, because the post hook came (process ${process.pid} on ${os.hostname()})`,
  });
  const lock = await next;
  expect(lock.stoppedHolder).toBe(true);
  await lock.release();
  expect(readdirSync(folder)).toEqual([]);
});

test('each of several that ask gets its answer, also those that come later', async () => {
  const holder = await locks.acquire('job-a', 0);
  const stop = holder.listenForStop();
  const first = locks.acquire('job-a', 400, asking('the first came', 400));
  await aborted(stop);

  await expect(first).rejects.toMatchObject({ code: 'E_LOCKED' });
  const second = locks.acquire('job-a', 5000, asking('the second came', 5000));
  await until(() => requests().length === 1);
  await until(() => requests().length === 0);
  await holder.release();

  const lock = await second;
  expect(lock.stoppedHolder).toBe(true);
  await lock.release();
});

test('a holder that does not listen is waited for, and nobody claims to have stopped it', async () => {
  const holder = await locks.acquire('job-a', 0);

  const next = locks.acquire('job-a', 5000, asking('the post hook came', 5000));
  await until(() => requests().length === 1);
  await holder.release();

  const lock = await next;
  expect(lock.stoppedHolder).toBe(false);
  await lock.release();
  expect(readdirSync(folder)).toEqual([]);
});

test('without a request nobody is asked to stop', async () => {
  const holder = await locks.acquire('job-a', 0);
  const stop = holder.listenForStop();

  await expect(locks.acquire('job-a', 600)).rejects.toMatchObject({ code: 'E_LOCKED' });

  expect(stop.aborted).toBe(false);
  await holder.release();
});

test('a request never reaches a later holder; who waits meets that one too and decides again', async () => {
  const met: (string | undefined)[] = [];
  const meet = (holder: LockUser | undefined) => {
    met.push(holder?.who);
    return met.length === 1 ? { waitMs: 60_000, stop: 'the post hook came' } : { waitMs: 0 };
  };
  let wakeUp = (): void => undefined;
  const sleepy = { ...systemClock, sleep: () => new Promise<void>((resolve) => (wakeUp = resolve)) };
  const first = await locks.acquire('job-a', 0, { user: { who: 'one', beganAtMs: 1 } });
  const waiting = createFileLocks(folder, sleepy).acquire('job-a', 60_000, { meet });
  await until(() => requests().length === 1);
  await first.release();
  const later = await locks.acquire('job-a', 0, { user: { who: 'two', beganAtMs: 2 } });
  const stop = later.listenForStop();
  await systemClock.sleep(600); // more than two looks, with the request still there
  expect([stop.aborted, requests().length]).toEqual([false, 1]);

  wakeUp();

  await expect(waiting).rejects.toMatchObject({ code: 'E_LOCKED' });
  expect([met, stop.aborted, requests()]).toEqual([['one', 'two'], false, []]);
  await later.release();
});

test('a request that somebody withdraws is no answer to another one', async () => {
  const holder = await locks.acquire('job-a', 0);
  const patient = locks.acquire('job-a', 5000, asking('the first came', 5000));
  await until(() => requests().length === 1);
  await expect(locks.acquire('job-a', 0, asking('the second came', 200))).rejects.toMatchObject({ code: 'E_LOCKED' });
  expect(requests()).toHaveLength(1);
  await holder.release();

  const lock = await patient;
  expect(lock.stoppedHolder).toBe(false);
  await lock.release();
});

test('of two that ask each gets its answer, also when the other one has swept', async () => {
  const holder = await locks.acquire('job-a', 0);
  const stop = holder.listenForStop();
  const waiting = [1, 2].map((nth) => locks.acquire('job-a', 5000, asking(`hook ${nth} came`, 5000)));
  await aborted(stop);
  await until(() => requests().length === 0);
  await holder.release();

  const heard: boolean[] = [];
  await Promise.all(
    waiting.map(async (next) => {
      const lock = await next;
      heard.push(lock.stoppedHolder);
      await locks.sweep();
      await lock.release();
    }),
  );
  expect(heard).toEqual([true, true]);
  expect(readdirSync(folder)).toEqual([]);
});

test('a holder that ends takes with it what killed requesters left', async () => {
  const holder = await locks.acquire('job-a', 0);
  const stop = holder.listenForStop();
  await writeAsDead(`${holding()}.11111111.stop`);
  await aborted(stop);
  expect(withEnd('.heard')).toHaveLength(1);

  await holder.release();

  expect(readdirSync(folder)).toEqual([]);
});

test('a wait ends with the reason of its signal, and its request is gone', async () => {
  const holder = await locks.acquire('job-a', 0);
  const ending = new AbortController();
  const waiting = locks.acquire('job-a', 60_000, { signal: ending.signal, ...asking('x', 60_000) });
  await until(() => requests().length === 1);

  const reason = new Error('no more time');
  ending.abort(reason);

  await expect(waiting).rejects.toBe(reason);
  expect(requests()).toEqual([]);
  await holder.release();
});

test.each(['', '{', '[]', '"text"', '{"why":7}'])(
  'a request whose author was killed while it wrote (%j) counts all the same',
  async (text) => {
    const holder = await locks.acquire('job-a', 0);
    const stop = holder.listenForStop();
    writeFileSync(path.join(folder, `${holding()}.11111111.stop`), text);

    await aborted(stop);

    expect(stop.reason).toMatchObject({ code: 'E_INTERRUPTED', message: 'interrupted, because another hook came' });
    await holder.release();
    await locks.sweep();
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('sweeping removes requests whose holder or requester is gone and keeps those to a living one', async () => {
  const holder = await locks.acquire('job-a', 0);
  const waiting = locks.acquire('job-a', 5000, asking('x', 5000));
  await until(() => requests().length === 1);
  const [alive = ''] = requests();
  const orphan = `${alive.split('.')[0]}.11111111-2222-3333-4444-555555555555.1.stop`;
  writeFileSync(path.join(folder, orphan), '{}');
  await writeAsDead(`${holding()}.22222222.stop`);
  await writeAsDead(`${holding()}.22222222.heard`);

  await locks.sweep();

  expect([requests(), withEnd('.heard')]).toEqual([[alive], []]);
  await holder.release();
  await (await waiting).release();
});
