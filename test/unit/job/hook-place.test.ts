import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { POST_HOOK, preHookOf } from '../../../src/job/hook-place.ts';
import type { OnOpenRun } from '../../../src/job/job-spec.ts';
import { jobLock, takeTurn } from '../../../src/job/job-turn.ts';
import { post } from '../../../src/job/post.ts';
import { runTimeFromNow } from '../../../src/job/run-time.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createFileLocks } from '../../../src/platform/file-locks.ts';
import type { Lock } from '../../../src/ports/journal.ts';
import { jobSpec } from './job-spec.ts';
import { QUIET } from './worlds/quiet-world.ts';
import { jobs } from './worlds/run-of-world.ts';
import { World } from './worlds/world.ts';

const HOUR_MS = 3_600_000;
const contextOf = (productRunId: string | undefined) => ({
  job: 'job-0',
  integration: 'generic',
  instance: undefined,
  productRunId,
  level: undefined,
});
const PRE = preHookOf(contextOf('other'));

/** Holds up whoever sleeps by its clock. */
class Pause {
  #ended = Promise.resolve();
  #end = (): void => undefined;
  #onReached = (): void => undefined;
  readonly clock = {
    ...systemClock,
    sleep: async (durationMs: number, signal?: AbortSignal): Promise<void> => {
      await systemClock.sleep(durationMs, signal);
      this.#onReached();
      await this.#ended;
    },
  };

  async begin(): Promise<void> {
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    await new Promise<void>((resolve) => (this.#onReached = resolve));
  }

  end(): void {
    this.#end();
  }
}

/** A job without runs, with real locks. */
function site() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-place-'));
  const world = new World({ ...QUIET, runs: [] });
  const locks = createFileLocks(folder, systemClock);
  const pause = new Pause();
  const ports = { ...world.site.ports, clock: systemClock, locks: createFileLocks(folder, pause.clock) };
  const hold = (who: string, beganAtMs: number) => locks.acquire(jobLock(spec.name), 0, { user: { who, beganAtMs } });
  const spec = jobSpec(jobs[0]);
  return {
    hold,
    /** Gives the lock to another hook while the one that waits does not look. */
    async passOn(from: Lock, who: string, beganAtMs: number): Promise<Lock> {
      await pause.begin();
      await from.release();
      const lock = await hold(who, beganAtMs);
      pause.end();
      return lock;
    },
    pre(onOpenRun: OnOpenRun, productRunId?: string) {
      const withPolicy = { ...spec, onOpenRun };
      const { signal } = new AbortController();
      const time = runTimeFromNow(systemClock, spec);
      const context = contextOf(productRunId);
      return takeTurn({ ports, spec: withPolicy, context, time, doing: () => undefined, signal });
    },
    post: (productRunId?: string) => post(ports, spec, contextOf(productRunId)),
    async asked() {
      while (!readdirSync(folder).some((name) => name.endsWith('.stop'))) await systemClock.sleep(5);
    },
  };
}

const stopped = (signal: AbortSignal) => signal.aborted || once(signal, 'abort');

test('who holds the job at the first look is asked to stop, whatever its clock says', async () => {
  const { hold, pre } = site();
  const holder = await hold(PRE, Date.now() + HOUR_MS);
  const stop = holder.listenForStop();

  const turn = pre('replace');
  await stopped(stop);
  await holder.release();

  await (await turn).lock.release();
});

test.each<[string, OnOpenRun, string | undefined, string]>([
  ['replaces', 'replace', undefined, PRE],
  ['repeats a run', 'fail', '7', preHookOf(contextOf('7'))],
])('a pre hook that %s never stops one that began later and got the job first', async (_what, policy, id, who) => {
  const { hold, passOn, pre, asked } = site();
  const first = await hold(who, Date.now() - HOUR_MS);
  const turn = pre(policy, id);
  const failed = expect(turn).rejects.toMatchObject({
    code: 'E_LOCKED',
    message: expect.stringContaining('began later'),
  });
  await asked();
  const later = await passOn(first, who, Date.now() + 1000);
  const stop = later.listenForStop();

  await failed;
  expect(stop.aborted).toBe(false);
  await later.release();
});

test('a pre hook with the run id of another instance or of none is no retry', async () => {
  const { hold, pre } = site();
  for (const [who, id] of [
    [preHookOf({ ...contextOf('7'), instance: 'dir2' }), '7'],
    [preHookOf(contextOf(undefined)), undefined],
  ] as const) {
    const holder = await hold(who, Date.now() - HOUR_MS);
    const stop = holder.listenForStop();
    const turn = pre('wait', id);
    await systemClock.sleep(600); // more than two looks
    expect(stop.aborted).toBe(false);
    await holder.release();
    await (await turn).lock.release();
  }
});

test('a post hook stops one earlier pre hook after the other, and waits for other hooks', async () => {
  const { hold, passOn, post: postHook, asked } = site();
  const first = await hold(PRE, Date.now() - HOUR_MS);
  const ended = postHook();
  await asked();
  const waited = await passOn(first, PRE, Date.now() - HOUR_MS);
  await stopped(waited.listenForStop());
  const other = await passOn(waited, POST_HOOK, Date.now() + 1000);
  await systemClock.sleep(300); // more than two looks of the waiter
  await other.release();

  expect(await ended).toEqual({ stoppedPre: true, runs: [], leftToOthers: [] });
});

test('a post hook gives way to a pre hook that began after it', async () => {
  const { hold, passOn, post: postHook, asked } = site();
  const first = await hold(PRE, Date.now() - HOUR_MS);
  const failed = expect(postHook()).rejects.toMatchObject({
    code: 'E_LOCKED',
    message: expect.stringContaining('began later'),
  });
  await asked();
  const later = await passOn(first, PRE, Date.now() + 1000);
  const stop = later.listenForStop();

  await failed;
  expect(stop.aborted).toBe(false);
  await later.release();
});

test('a post hook that first met another run of its product gives way to a pre hook of its own run that began after it', async () => {
  const { hold, passOn, post: postHook } = site();
  const first = await hold(preHookOf(contextOf('2')), Date.now() - HOUR_MS);
  const failed = expect(postHook('1')).rejects.toMatchObject({
    code: 'E_LOCKED',
    message: expect.stringContaining('began later'),
  });
  const later = await passOn(first, preHookOf(contextOf('1')), Date.now() + 1000);
  const stop = later.listenForStop();

  await failed;
  expect(stop.aborted).toBe(false);
  await later.release();
});

test('a post hook neither stops nor waits for the pre hook of a later run of its product when no run of its own is open', async () => {
  const { hold, post: postHook } = site();
  const holder = await hold(preHookOf(contextOf('2')), Date.now() - HOUR_MS);
  const stop = holder.listenForStop();

  await expect(postHook('1')).rejects.toMatchObject({ code: 'E_NO_RUN' });

  await systemClock.sleep(600); // more than two looks of the holder
  expect(stop.aborted).toBe(false);
  await holder.release();
});

test.each([
  ['of another instance', preHookOf({ ...contextOf('2'), instance: 'dir2' }), '1'],
  ['of the same run', preHookOf(contextOf('1')), '1'],
  ['without an id', preHookOf(contextOf(undefined)), '1'],
  ['with an id, when it has none itself', preHookOf(contextOf('2')), undefined],
])('a post hook stops a pre hook %s', async (_what, who, id) => {
  const { hold, post: postHook } = site();
  const holder = await hold(who, Date.now() - HOUR_MS);
  const ended = postHook(id);
  await stopped(holder.listenForStop());
  await holder.release();

  expect(await ended).toEqual({ stoppedPre: true, runs: [], leftToOthers: [] });
});
