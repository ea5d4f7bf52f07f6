import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../../src/platform/clock.ts';
import { createFileLocks } from '../../../src/platform/file-locks.ts';

const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-locks-'));

test('one holder at a time; the next gets the lock when it is released', async () => {
  const locks = createFileLocks(folder(), systemClock);
  const first = await locks.acquire('job-a', 0);

  await expect(locks.acquire('job-a', 0)).rejects.toMatchObject({
    code: 'E_LOCKED',
    message: expect.stringContaining(String(process.pid)),
  });
  const waiting = locks.acquire('job-a', 5000);
  await first.release();
  await (await waiting).release();
});

test('different names do not wait for each other', async () => {
  const locks = createFileLocks(folder(), systemClock);
  const a = await locks.acquire('job-a', 0);
  const b = await locks.acquire('job-b', 0);

  await Promise.all([a.release(), b.release()]);
});

test('a released lock leaves nothing behind', async () => {
  const into = folder();
  const lock = await createFileLocks(into, systemClock).acquire('job-a', 0);
  await lock.release();

  expect(readdirSync(into)).toEqual([]);
});

test('the lock of a killed process is told as abandoned and taken over at once, by exactly one of many waiters', async () => {
  const into = folder();
  const lock = await createFileLocks(into, systemClock).acquire('job-a', 0);
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const ownerName = readdirSync(into).find((name) => name.endsWith('.owner')) ?? '';
  const ownerFile = path.join(into, ownerName);
  const owner: unknown = JSON.parse(readFileSync(ownerFile, 'utf8'));
  writeFileSync(ownerFile, JSON.stringify({ ...(owner as object), pid: dead.pid })); // the object written by the lock itself

  expect(await createFileLocks(into, systemClock).list()).toEqual([{ name: 'job-a', abandoned: true }]);
  expect(existsSync(ownerFile)).toBe(true);
  const attempts = await Promise.allSettled(
    Array.from({ length: 8 }, () => createFileLocks(into, systemClock).acquire('job-a', 2000)),
  );
  const won = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));

  expect(won).toHaveLength(1);
  expect(await createFileLocks(into, systemClock).list()).toEqual([{ name: 'job-a', abandoned: false }]);
  expect(existsSync(ownerFile)).toBe(true);
  await Promise.all(won.map((winner) => winner.release()));
  await lock.release();
});

test.each(['/proc/nope/locks', '/dev/null/locks'])(
  'a lock folder that cannot be made (%s) is a coded error that names it',
  async (into) => {
    await expect(createFileLocks(into, systemClock).acquire('job-a', 0)).rejects.toMatchObject({
      code: 'E_JOURNAL',
      message: expect.stringContaining(into),
      hint: expect.stringContaining('stateDirectory'),
    });
  },
);

test('a living holder keeps its lock however long it was not refreshed', async () => {
  const into = folder();
  const lock = await createFileLocks(into, systemClock).acquire('job-a', 0);
  const name = readdirSync(into).find((entry) => entry.endsWith('.lock')) ?? '';
  utimesSync(path.join(into, name), Date.now() / 1000 - 3600, Date.now() / 1000 - 3600);

  await expect(createFileLocks(into, systemClock).acquire('job-a', 200)).rejects.toMatchObject({ code: 'E_LOCKED' });
  await lock.release();
});

test('a lock whose owner number belongs to a later process is taken over', async () => {
  const into = folder();
  const lock = await createFileLocks(into, systemClock).acquire('job-a', 0);
  const ownerFile = path.join(into, readdirSync(into).find((entry) => entry.endsWith('.owner')) ?? '');
  const owner: unknown = JSON.parse(readFileSync(ownerFile, 'utf8'));
  writeFileSync(ownerFile, JSON.stringify({ ...(owner as object), startTicks: '1' })); // the object written by the lock itself

  const next = await createFileLocks(into, systemClock).acquire('job-a', 2000);

  await next.release();
  await lock.release();
});

test('a lock that is lost says nothing about the effect of what it is lost under', async () => {
  const into = folder();
  const { lost, release } = await createFileLocks(into, systemClock).acquire('job-a', 0);

  rmSync(into, { recursive: true });
  if (!lost.aborted) await once(lost, 'abort'); // the lock is refreshed every three seconds

  expect(lost.reason).toMatchObject({ code: 'E_LOCKED', effect: 'unknown' });
  await release();
}, 30_000);
