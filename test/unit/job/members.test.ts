import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { preHookOf } from '../../../src/job/hook-place.ts';
import type { JobContext, JobSpec } from '../../../src/job/job-spec.ts';
import { asMember, jobLock, takeTurn } from '../../../src/job/job-turn.ts';
import { joinedResult } from '../../../src/job/joined-result.ts';
import { foldJournal } from '../../../src/job/journal.ts';
import type { JournalRecord } from '../../../src/job/journal-records.ts';
import { memberLock } from '../../../src/job/members.ts';
import { MANIFEST_NAME } from '../../../src/job/plan.ts';
import { post } from '../../../src/job/post.ts';
import { reap } from '../../../src/job/reap.ts';
import { runTimeFromNow } from '../../../src/job/run-time.ts';
import { status } from '../../../src/job/status.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createFileLocks } from '../../../src/platform/file-locks.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { JournalLine, Lock } from '../../../src/ports/journal.ts';
import { jobSpec } from './job-spec.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { jobs, must } from './worlds/run-of-world.ts';
import { World } from './worlds/world.ts';

const spec = jobSpec({ ...jobs[0], freeze: 'vss-provider', grade: 'application' });
const MINUTE_MS = 60_000;

const contextOf = (name: string, of?: number, change: Partial<JobContext> = {}): JobContext => ({
  job: spec.name,
  integration: 'streams',
  instance: 'client1',
  productRunId: undefined,
  level: 'full',
  member: { name, of },
  ...change,
});
const CONTEXT_OF_ONE: JobContext = { ...contextOf('1'), member: undefined };

/**
 * A machine with real locks and a run that was handed over `minutesAgo` to call 1, if there is one. `change`: what else its
 * call told. `mounted`: how many file systems are mounted now, of the one that was handed over in place of images.
 */
function siteWith({
  minutesAgo = 0 as number | 'no run',
  of = undefined as number | undefined,
  change = {},
  mounted = undefined as (() => number) | undefined,
} = {}) {
  const runs = minutesAgo === 'no run' ? [] : [{ ...WAITING_RUN, ageMinutes: 600 }];
  const { site } = new World({ ...QUIET, runs });
  const [id = ''] = site.journals.keys();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-members-'));
  const locks = createFileLocks(folder, systemClock);
  const offsetMs = minutesAgo === 'no run' ? 0 : minutesAgo * MINUTE_MS;
  const journal = site.journals.get(id);
  const stateOf = (run: string) => foldJournal(run, must(site.journals.get(run)).lines);
  if (journal) {
    journal.lines[0] = { ...must(journal.lines[0]), data: { version: 1, context: contextOf('1', of, change) } };
    if (mounted) journal.lines.splice(0, journal.lines.length, ...journal.lines.map(asFiles));
  }
  const handedOverMs = journal ? must(stateOf(id).handedOverAt).getTime() : Date.now();
  const startMs = performance.now();
  const now = () => new Date(handedOverMs + offsetMs + (performance.now() - startMs));
  const told: string[] = [];
  const tell = (message: string) => void told.push(message);
  const reporter = { info: tell, warn: tell, progress: () => undefined };
  const { fileSystems } = site.ports;
  const looked = mounted ? { ...fileSystems, mountedIn: async () => mounted() } : fileSystems;
  const ports = { ...site.ports, fileSystems: looked, locks, reporter, clock: { ...systemClock, now } };
  const pre = (context: JobContext, change: Partial<JobSpec> = {}, signal = new AbortController().signal) => {
    const changed = { ...spec, ...change };
    const time = runTimeFromNow(ports.clock, changed);
    return asMember({ ports, spec: changed, context, time, doing: () => undefined, signal }, async (request) => {
      const { lock, joined } = await takeTurn(request);
      await lock.release();
      return joined;
    });
  };
  return {
    id,
    site,
    ports,
    pre,
    members: () => stateOf(id).members.map(({ name, hasLeft }) => (hasLeft ? `${name} left` : name)),
    async waits() {
      while (!told.some((message) => message.includes('waiting for it'))) await systemClock.sleep(5);
    },
    async waitsForPost() {
      while (!told.some((message) => message.includes('waiting for the post hook'))) await systemClock.sleep(5);
    },
    readers: async () => (await status(ports, 1)).flatMap((run) => run.readers),
    isOpen: () => site.journals.get(id)?.folder === 'open',
    post: (context: JobContext) => post(ports, spec, context),
    holdJob: (context: JobContext) =>
      locks.acquire(jobLock(spec.name), 0, { user: { who: preHookOf(context), beganAtMs: Date.now() - MINUTE_MS } }),
    holdMember: (context: JobContext) => {
      const name = memberLock(spec.name, context, must(context.member).name);
      return locks.acquire(name, 0, { user: { who: preHookOf(context), beganAtMs: Date.now() - MINUTE_MS } });
    },
  };
}

/** The line of a run that hands over one file system in place of images. */
function asFiles(line: JournalLine): JournalLine {
  // The lines of a world are made of records.
  const record = line as JournalLine & JournalRecord;
  if (record.kind === 'planned') {
    return { ...line, data: { ...record.data, spec: { ...record.data.spec, files: { onUnreadable: 'fail' } } } };
  }
  if (record.kind === 'intent' && record.data.step === 'export') return { ...line, data: { step: 'mount' } };
  if (record.kind !== 'done' || record.data.step !== 'export') return line;
  return { ...line, data: { step: 'mount', result: { mounted: 1 } } };
}

/** Waits until somebody asked the holder to stop. */
const askedToStop = (lock: Lock) =>
  new Promise<void>((resolve) => lock.listenForStop().addEventListener('abort', () => resolve()));

describe('a further call of the same run of the product', () => {
  test('joins the run that the first one made, and is told the same', async () => {
    const { id, pre, members } = siteWith();

    const joined = must(await pre(contextOf('2')));

    expect(joinedResult(joined)).toMatchObject({ runId: id, directory: '/export/job-0', degraded: false });
    expect(members()).toEqual(['1', '2']);
  });

  test.each([
    ['the manifest', (file: string) => file.endsWith(MANIFEST_NAME)],
    ['an image', (file: string) => file.endsWith('.raw')],
  ])('fails when %s of what was handed over is gone, and has no part in the run', async (_what, isGone) => {
    const { id, site, pre, members, isOpen } = siteWith();
    const gone = [...site.files.keys()].filter(isGone);
    for (const file of gone) site.files.delete(file);

    expect(gone).not.toEqual([]);
    await expect(pre(contextOf('2'))).rejects.toMatchObject({
      code: 'E_EXPORT',
      message: expect.stringContaining(`run "${id}"`),
    });
    expect([members(), isOpen()]).toEqual([['1'], true]);
  });

  test('fails when a file system is not mounted any more, as after a new start of the machine', async () => {
    let mounted = 1;
    const { pre, members } = siteWith({ mounted: () => mounted });

    await pre(contextOf('2'));
    mounted = 0;

    await expect(pre(contextOf('3'))).rejects.toMatchObject({ code: 'E_EXPORT' });
    expect(members()).toEqual(['1', '2']);
  });

  test('waits for the first one, however long the others of its job are waited for, and does not stop it', async () => {
    const { pre, holdJob, members } = siteWith();
    const leader = await holdJob(contextOf('1'));
    const stop = leader.listenForStop();
    const limits = { ...spec.limits, lockWaitMs: 0 };

    const joined = [pre(contextOf('2'), { limits }), pre(contextOf('3'), { limits, onOpenRun: 'replace' })];
    await systemClock.sleep(600); // more than two looks of the holder
    expect(stop.aborted).toBe(false);
    await leader.release();

    expect((await Promise.all(joined)).map((run) => run !== undefined)).toEqual([true, true]);
    expect(members().sort()).toEqual(['1', '2', '3']);
  });

  test('ends with its own deadline or signal while it waits, and leaves nothing', async () => {
    const { pre, holdJob, members, ports, waits } = siteWith();
    const leader = await holdJob(contextOf('1'));
    const interruption = new AbortController();

    const waiting = expect(pre(contextOf('2'), {}, interruption.signal)).rejects.toThrow('it is over');
    await waits();
    interruption.abort(new Error('it is over'));
    await waiting;
    await leader.release();

    expect(members()).toEqual(['1']);
    expect(await ports.locks.list()).toEqual([]);
  });

  test.each<[string, JobContext]>([
    ['of another instance', contextOf('2', undefined, { instance: 'client2' })],
    ['of another level', contextOf('2', undefined, { level: 'log' })],
    ['of another run', contextOf('2', undefined, { productRunId: '8' })],
    ['with another number of calls', contextOf('2', 4)],
    ['of another product', contextOf('2', undefined, { integration: 'generic' })],
    ['that is the only one', CONTEXT_OF_ONE],
    ['of the same name', contextOf('1')],
  ])('a call %s does not join: the policy for open runs decides', async (_what, context) => {
    const { pre, members } = siteWith();

    await expect(pre(context)).rejects.toMatchObject({ code: 'E_RUN_OPEN' });

    expect(members()).toEqual(['1']);
  });

  test('a call with the run id of a run that others read does not replace it', async () => {
    const { pre, isOpen } = siteWith({ change: { productRunId: '7' } });

    await expect(pre(contextOf('1', undefined, { productRunId: '7' }))).rejects.toMatchObject({ code: 'E_RUN_OPEN' });

    expect(isOpen()).toBe(true);
  });

  test.each<[string, JobContext]>([
    ['comes again', contextOf('1')],
    ['is started again alone', contextOf('1', 3)],
    ['is of another level', contextOf('3', undefined, { level: 'log' })],
  ])(
    'a call that %s does not replace a run that others read: it waits until they have ended',
    async (_what, context) => {
      const { pre, post: postOf, isOpen, waitsForPost } = siteWith();
      await pre(contextOf('2'));

      const turn = pre(context, { onOpenRun: 'replace' });
      await waitsForPost();
      expect(isOpen()).toBe(true);
      await postOf(contextOf('2'));
      if (context.member?.name !== '1') await postOf(contextOf('1'));

      expect(await turn).toBeUndefined();
      expect(isOpen()).toBe(false);
    },
  );

  test('a call that waits for other readers in vain tells whose post hook did not come, and leaves them what they read', async () => {
    const { pre, isOpen, waitsForPost } = siteWith();
    await pre(contextOf('2'));
    const over = new SnaphookError('E_DEADLINE', 'the time is over');
    const limited = new AbortController();

    const turn = expect(pre(contextOf('1'), { onOpenRun: 'replace' }, limited.signal)).rejects.toMatchObject({
      code: 'E_RUN_OPEN',
      hint: expect.stringContaining('No post hook came of: 1, 2.'),
    });
    await waitsForPost();
    limited.abort(over);
    await turn;

    expect(isOpen()).toBe(true);
  });

  test.each<[string, JobContext]>([
    ['the only reader itself, which was started again', contextOf('1')],
    ['a call of another server', contextOf('3', undefined, { instance: 'client2' })],
    ['a hook that is no call of several', CONTEXT_OF_ONE],
  ])('a run is replaced by %s', async (_what, context) => {
    const { pre, isOpen } = siteWith();

    expect(await pre(context, { onOpenRun: 'replace' })).toBeUndefined();

    expect(isOpen()).toBe(false);
  });

  test('a run whose time for joining is over is not taken for that of today', async () => {
    const { pre, members } = siteWith({ minutesAgo: 61 });

    await expect(pre(contextOf('2'))).rejects.toMatchObject({ code: 'E_RUN_OPEN' });

    expect(members()).toEqual(['1']);
  });

  test('a call about a VM that the run does not have fails alone, and one about a VM that it has joins', async () => {
    const { pre, members } = siteWith();

    await expect(pre(contextOf('2'), { ownVms: [{ by: 'name', name: 'sql02' }] })).rejects.toMatchObject({
      code: 'E_VM_NOT_FOUND',
      message: expect.stringContaining('VM "sql02"'),
    });
    await expect(pre(contextOf('2'), { ownVms: [{ by: 'pattern', pattern: 'sql*' }] })).rejects.toMatchObject({
      code: 'E_USAGE',
    });
    await pre(contextOf('3'), { ownVms: [{ by: 'name', name: 'sql01' }] });

    expect(members()).toEqual(['1', '3']);
  });
});

describe('the run that a call waited for was not handed over', () => {
  const closedBy = ({ site, ports }: ReturnType<typeof siteWith>, context: JobContext) => {
    const records: readonly JournalRecord[] = [
      { kind: 'opened', data: { version: 1, context } },
      { kind: 'failed', data: { step: undefined, error: { code: 'E_ARRAY', message: 'the array is full' } } },
      { kind: 'closed', data: { outcome: 'failed' } },
    ];
    const lines = records.map((record, index) => ({
      ...record,
      seq: index + 1,
      at: ports.clock.now().toISOString(),
    }));
    site.journals.set('mb3k2j1f-failed', { job: spec.name, lines, folder: 'closed' });
  };

  test('it fails for the same cause, and does not try what failed', async () => {
    const world = siteWith({ minutesAgo: 'no run' });
    const leader = await world.holdJob(contextOf('1'));

    const failed = expect(world.pre(contextOf('2'))).rejects.toMatchObject({
      code: 'E_LEADER',
      message: expect.stringContaining('E_ARRAY): the array is full'),
    });
    await world.waits();
    closedBy(world, contextOf('1'));
    await leader.release();

    await failed;
  });

  test('one that began after the failure makes a run of its own', async () => {
    const world = siteWith({ minutesAgo: 'no run' });
    closedBy(world, contextOf('1'));
    await systemClock.sleep(2); // the clock of journals has milliseconds
    const fellow = await world.holdJob(contextOf('2'));

    const turn = world.pre(contextOf('3'));
    await world.waits();
    await fellow.release();

    expect(await turn).toBeUndefined();
  });
});

describe('the post hook of one of several calls', () => {
  test('ends its own part, and the last one ends the run', async () => {
    const { id, pre, post: postOf, members, isOpen } = siteWith();
    await pre(contextOf('2'));

    expect(await postOf(contextOf('1'))).toEqual({
      stoppedPre: false,
      runs: [],
      leftToOthers: [{ runId: id, readers: ['2'] }],
    });
    expect([members(), isOpen()]).toEqual([['1 left', '2'], true]);
    expect(await postOf(contextOf('2'))).toMatchObject({ runs: [{ runId: id, handedOver: true }], leftToOthers: [] });
    expect(isOpen()).toBe(false);
  });

  test('status tells who still reads', async () => {
    const { pre, post: postOf, readers } = siteWith();
    await pre(contextOf('2'));
    const before = await readers();

    await postOf(contextOf('1'));
    const between = await readers();
    await postOf(contextOf('2'));

    expect([before, between, await readers()]).toEqual([['1', '2'], ['2'], []]);
  });

  test('a second time, or without a part in the run, it leaves the run alone', async () => {
    const { pre, post: postOf, isOpen } = siteWith();
    await pre(contextOf('2'));
    await postOf(contextOf('1'));

    for (const context of [contextOf('1'), contextOf('3'), contextOf('2', undefined, { level: 'log' })]) {
      await expect(postOf(context)).rejects.toMatchObject({ code: 'E_NO_RUN' });
    }
    expect(isOpen()).toBe(true);
  });

  test('where the number of calls is known the run stays until all have come, and call after call may join', async () => {
    const { id, pre, post: postOf, members, isOpen } = siteWith({ of: 3 });

    expect(await postOf(contextOf('1', 3))).toMatchObject({ runs: [], leftToOthers: [{ runId: id, readers: [] }] });
    await pre(contextOf('2', 3));
    await postOf(contextOf('2', 3));
    await pre(contextOf('3', 3));
    expect([members(), isOpen()]).toEqual([['1 left', '2 left', '3'], true]);
    await postOf(contextOf('3', 3));

    expect(isOpen()).toBe(false);
  });

  test('calls that never came keep the run no longer than calls may join', async () => {
    const { post: postOf, isOpen } = siteWith({ of: 3, minutesAgo: 61 });

    expect(await postOf(contextOf('1', 3))).toMatchObject({ runs: [{ handedOver: true }] });
    expect(isOpen()).toBe(false);
  });

  test('a call that is about to join is waited for', async () => {
    const { pre, post: postOf, holdJob, members, isOpen, waits } = siteWith();
    const between = await holdJob(CONTEXT_OF_ONE);
    const joining = pre(contextOf('2'), { onOpenRun: 'wait' });
    await waits();
    await between.release();

    await postOf(contextOf('1'));
    await joining;

    expect([members(), isOpen()]).toEqual([['1 left', '2'], true]);
  });

  test('stops its own pre hook, also one that waits for another call, and not that of the other call', async () => {
    const { pre, post: postOf, holdJob, waits } = siteWith({ minutesAgo: 'no run' });
    const leader = await holdJob(contextOf('1'));
    const stop = leader.listenForStop();
    const waiting = expect(pre(contextOf('2'))).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    await waits();

    expect(await postOf(contextOf('2'))).toEqual({ stoppedPre: true, runs: [], leftToOthers: [] });

    await waiting;
    expect(stop.aborted).toBe(false);
    await leader.release();
  });

  test('stops the pre hook that makes the run for all when it is its own', async () => {
    const { post: postOf, holdMember } = siteWith({ minutesAgo: 'no run' });
    const own = await holdMember(contextOf('1'));

    const ended = postOf(contextOf('1'));
    await askedToStop(own);
    await own.release();

    expect(await ended).toMatchObject({ stoppedPre: true });
  });

  test('a post hook that is no call of the product ends the run, whoever reads it', async () => {
    const { pre, post: postOf, isOpen } = siteWith({ of: 3 });
    await pre(contextOf('2', 3));

    expect(await postOf(CONTEXT_OF_ONE)).toMatchObject({ runs: [{ handedOver: true }] });
    expect(isOpen()).toBe(false);
  });

  test('a run that all have left, as its last post hook died, is ended by whoever comes: post, pre or reap', async () => {
    for (const comes of ['post', 'pre', 'reap']) {
      const { id, site, pre, post: postOf, isOpen, ports } = siteWith();
      must(site.journals.get(id)).lines.push({
        seq: 99,
        at: ports.clock.now().toISOString(),
        kind: 'left',
        data: { member: '1' },
      });

      if (comes === 'post') await postOf(contextOf('2'));
      else if (comes === 'pre') expect(await pre({ ...CONTEXT_OF_ONE, productRunId: '9' })).toBeUndefined();
      else {
        const request = { apply: true, includeWaiting: false, olderThanMs: 0 };
        await reap(ports, request, new AbortController().signal);
      }

      expect([comes, isOpen()]).toEqual([comes, false]);
    }
  });
});
