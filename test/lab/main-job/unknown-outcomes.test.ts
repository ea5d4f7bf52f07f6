import { mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_LIMITS } from '../../../src/job/job-spec.ts';
import { reap } from '../../../src/job/reap.ts';
import type { ReapRequest } from '../../../src/job/reaping.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(async () => {
  site.lab.faults.clear();
  await site.close();
});

const LATE_MS = 500;
const limits = { ...DEFAULT_LIMITS, settleMs: 3 * LATE_MS };
const interrupted = () => new SnaphookError('E_INTERRUPTED', 'interrupted by SIGTERM', { effect: 'unknown' });
const reapSite = (request: Partial<ReapRequest> = {}) =>
  site.withPorts((ports) =>
    reap(ports, { apply: true, includeWaiting: false, olderThanMs: 0, ...request }, new AbortController().signal),
  );

/** The run is called off while the request is on its way; the array does it all the same, later. */
function callOffDuring(operation: string): AbortSignal {
  const abort = new AbortController();
  const fault = { system: 'array', operation, when: 'before', nth: 1 } as const;
  site.lab.faults.add({ ...fault, action: { do: 'call', run: () => abort.abort(interrupted()) } });
  site.lab.faults.add({ ...fault, action: { do: 'delay', delayMs: LATE_MS } });
  return abort.signal;
}

test.each([
  ['POST private/snapshot', 'nightly'],
  ['PUT private/snapshot Link', 'nightly'],
  ['PUT storagegroup', 'presented'],
])('%s takes effect after the run was called off: nothing of it is left', async (operation, job) => {
  const error = await site.failingPre({ job, spec: { limits }, signal: callOffDuring(operation) });

  expect(error.code).toBe('E_INTERRUPTED');
  const answered = () =>
    site.lab.events.events.some((event) => event.kind === 'answer' && event.operation === operation);
  while (!answered()) await site.lab.pause(10);
  expect(site.leftBehind()).toEqual([]);
});

test.each(['nightly', 'no-freeze'])(
  'job %s: a read that fails after the snapshot was taken never leads to a second one',
  async (job) => {
    let armed = false;
    site.lab.faults.add({
      system: 'array',
      operation: 'POST private/snapshot',
      when: 'after',
      action: {
        do: 'call',
        run: () => {
          armed = true;
        },
      },
    });
    const stopReads = site.lab.events.onEvent(({ system, kind, operation }) => {
      if (!armed || system !== 'array' || kind !== 'answer' || operation !== 'POST private/snapshot') return;
      for (const read of ['GET v1/volumes', 'GET private/volume/snapshot', 'GET private/volume']) {
        for (let nth = 1; nth <= 4; nth += 1) {
          site.lab.faults.add({ system: 'array', operation: read, when: 'before', nth, action: { do: 'drop' } });
        }
      }
    });

    await site.failingPre({ job });
    stopReads();
    site.lab.faults.clear();
    await site.post(job).catch(() => undefined);

    const establishes = site.lab.events.events.filter(
      ({ kind, operation }) => kind === 'effect' && operation === 'establish',
    );
    expect(establishes).toHaveLength(1);
    expect(site.leftBehind()).toEqual([]);
  },
);

test('two jobs never share a hand-over directory: the second is refused before its guest is frozen', async () => {
  const first = await site.pre();

  const error = await site.failingPre({ job: 'no-freeze', spec: { exportDirectory: first.directory } });

  expect(error).toMatchObject({ code: 'E_EXPORT', message: expect.stringContaining(first.runId) });
  await site.post();
  expect(site.leftBehind()).toEqual([]);
});

test('a post hook that failed half way is finished by reap and by the next pre hook, without being asked twice', async () => {
  const refuse = () =>
    site.lab.faults.add({
      system: 'array',
      operation: 'DELETE private/snapshot',
      when: 'before',
      action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'The operation is not permitted now' }) },
    });
  await site.pre();
  const allow = refuse();
  await expect(site.post()).rejects.toMatchObject({ code: 'E_LEFTOVERS' });
  allow();

  expect(await reapSite()).toMatchObject([{ finding: { kind: 'crashed-run' }, did: 'removed' }]);
  expect(site.leftBehind()).toEqual([]);

  await site.pre();
  const allowAgain = refuse();
  await expect(site.post()).rejects.toMatchObject({ code: 'E_LEFTOVERS' });
  allowAgain();
  await site.pre();
  await site.post();
  expect(site.leftBehind()).toEqual([]);
});

test('a run that was closed but whose journal was not yet moved does not stop the next one', async () => {
  const { runId } = await site.pre();
  await site.post();
  const runs = path.join(site.lab.directory, 'state/runs');
  mkdirSync(path.join(runs, 'open'), { recursive: true });
  renameSync(path.join(runs, 'closed', `${runId}.jsonl`), path.join(runs, 'open', `${runId}.jsonl`));

  await site.pre();
  await site.post();

  expect(site.leftBehind()).toEqual([]);
});

test.each(['Send', 'Create', 'Command'])(
  'an interrupt during %s in the guest is told as an interrupt, and nothing stays frozen',
  async (operation) => {
    const abort = new AbortController();
    site.lab.faults.add({
      system: 'guest',
      operation,
      when: 'before',
      nth: 1,
      action: { do: 'call', run: () => abort.abort(interrupted()) },
    });

    const error = await site.failingPre({ signal: abort.signal });

    expect(error.code).toBe('E_INTERRUPTED');
    expect(site.lab.isFrozen()).toBe(false);
    expect(site.leftBehind().filter((left) => left !== 'guest shell')).toEqual([]);
  },
);

test('a job that cannot reach its grade is refused before anything is touched', async () => {
  const error = await site.failingPre({ job: 'no-freeze', spec: { grade: 'application' } });

  expect(error).toMatchObject({ code: 'E_GRADE', hint: expect.stringContaining('grade: crash') });
  expect(site.lab.events.events.filter(({ operation }) => operation === 'establish')).toEqual([]);
});
