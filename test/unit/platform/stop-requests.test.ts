import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../../src/platform/clock.ts';
import { createFileLocks } from '../../../src/platform/file-locks.ts';
import type { Locks } from '../../../src/ports/journal.ts';

let folder: string;
let locks: Locks;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-stop-'));
  locks = createFileLocks(folder, systemClock);
});

const aborted = (signal: AbortSignal) => once(signal, 'abort');
const requests = () => readdirSync(folder).filter((name) => name.endsWith('.stop'));
/** A request is a file: seen as soon as it is there. */
async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 5000;
  while (!condition() && performance.now() < endMs) await systemClock.sleep(5);
  expect(condition()).toBe(true);
}

test('a holder that listens learns who asks it to stop, and whoever asked gets the lock and learns that it was heard', async () => {
  const holder = await locks.acquire('job-a', 0);
  const stop = holder.listenForStop();

  const next = locks.acquire('job-a', 5000, { stopHolder: 'the post hook came' });
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
  const first = locks.acquire('job-a', 400, { stopHolder: 'the first came' });
  await aborted(stop);

  await expect(first).rejects.toMatchObject({ code: 'E_LOCKED' });
  const second = locks.acquire('job-a', 5000, { stopHolder: 'the second came' });
  await until(() => requests().length === 1);
  await until(() => requests().length === 0);
  await holder.release();

  const lock = await second;
  expect(lock.stoppedHolder).toBe(true);
  await lock.release();
});

test('a holder that does not listen is waited for, and nobody claims to have stopped it', async () => {
  const holder = await locks.acquire('job-a', 0);

  const next = locks.acquire('job-a', 5000, { stopHolder: 'the post hook came' });
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

test('a request never reaches a later holder, and who made it does not wait for that one', async () => {
  let wakeUp = (): void => undefined;
  const sleepy = { ...systemClock, sleep: () => new Promise<void>((resolve) => (wakeUp = resolve)) };
  const first = await locks.acquire('job-a', 0);
  const asking = createFileLocks(folder, sleepy).acquire('job-a', 60_000, { stopHolder: 'the post hook came' });
  await until(() => requests().length === 1);
  await first.release();
  const later = await locks.acquire('job-a', 0);
  const stop = later.listenForStop();
  await systemClock.sleep(600); // more than two looks, with the request still there
  expect([stop.aborted, requests().length]).toEqual([false, 1]);

  wakeUp();

  await expect(asking).rejects.toMatchObject({ code: 'E_LOCKED' });
  expect(requests()).toEqual([]);
  await later.release();
});

test('a wait ends with the reason of its signal, and its request is gone', async () => {
  const holder = await locks.acquire('job-a', 0);
  const ending = new AbortController();
  const waiting = locks.acquire('job-a', 60_000, { signal: ending.signal, stopHolder: 'x' });
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
    const owner = readdirSync(folder).find((name) => name.endsWith('.owner')) ?? '';
    const { id } = JSON.parse(readFileSync(path.join(folder, owner), 'utf8')) as { id: string }; // written by the lock itself
    writeFileSync(path.join(folder, `${owner.replace('.owner', '')}.${id}.stop`), text);

    await aborted(stop);

    expect(stop.reason).toMatchObject({ code: 'E_INTERRUPTED', message: 'interrupted, because another hook came' });
    await holder.release();
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('sweeping removes requests to holders that are gone and keeps those to a living one', async () => {
  const holder = await locks.acquire('job-a', 0);
  const waiting = locks.acquire('job-a', 5000, { stopHolder: 'x' });
  await until(() => requests().length === 1);
  const [alive = ''] = requests();
  const orphan = `${alive.split('.')[0]}.11111111-2222-3333-4444-555555555555.stop`;
  writeFileSync(path.join(folder, orphan), '{}');

  await locks.sweep();

  expect(requests()).toEqual([alive]);
  await holder.release();
  await (await waiting).release();
});
