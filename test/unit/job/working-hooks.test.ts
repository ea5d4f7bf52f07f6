import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { jobLock } from '../../../src/job/job-turn.ts';
import { workingHooks } from '../../../src/job/working-hooks.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createFileLocks } from '../../../src/platform/file-locks.ts';
import type { Clock } from '../../../src/ports/clock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'working-hooks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Every question comes a minute after the one before. */
function slowlyAsked(): Clock {
  let nowMs = 0;
  return {
    ...systemClock,
    monotonicMs: () => {
      nowMs += 60_000;
      return nowMs;
    },
  };
}

async function untilTold(count: () => number, expected: number): Promise<number> {
  for (const signal = AbortSignal.timeout(10_000); count() !== expected; ) {
    signal.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return expected;
}

test('hooks at work are counted by the locks of their jobs; other locks and ended hooks are not', async () => {
  const locks = createFileLocks(folder, systemClock);
  const count = workingHooks(locks, slowlyAsked());
  expect(count()).toBe(1);
  const vm = await locks.acquire('vm-1', 0);
  const held = [await locks.acquire(jobLock('a'), 0), await locks.acquire(jobLock('b'), 0)];

  expect(await untilTold(count, 2)).toBe(2);
  for (const lock of held) await lock.release();
  expect(await untilTold(count, 1)).toBe(1);
  await vm.release();
});

test('the answer is there at once, also while a look takes long or fails', () => {
  const never = workingHooks({ list: () => new Promise(() => undefined) }, slowlyAsked());
  const failing = workingHooks({ list: () => Promise.reject(new Error('no folder')) }, slowlyAsked());

  expect([never(), never(), failing(), failing()]).toEqual([1, 1, 1, 1]);
});
