import { FOUND_JOB } from '../../../src/job/found-snapshot.ts';
import { cleanUpRun } from '../../../src/job/run-record.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { World } from './worlds/world.ts';

test('a run whose last line reached the disk although its write was told to have failed is closed by the next hook', async () => {
  const { site } = new World({ ...QUIET, runs: [WAITING_RUN] });
  const [[id, journal] = ['', undefined]] = site.journals;
  if (!journal) throw new Error('the world has a run');
  const at = new Date(0).toISOString();
  journal.lines.push({ seq: journal.lines.length + 1, at, kind: 'closed', data: { outcome: 'failed' } });
  const before = [...journal.lines];

  await cleanUpRun(site.ports, id, 'recovered', { lock: await site.ports.locks.acquire('job-x', 0) });

  expect(journal.folder).toBe('closed');
  expect(journal.lines).toEqual(before);
});

test('whoever lost the lock of the job while it cleans up writes nothing more into the journal and closes nothing', async () => {
  const { site } = new World({ ...QUIET, runs: [WAITING_RUN] });
  const [[id, journal] = ['', undefined]] = site.journals;
  if (!journal) throw new Error('the world has a run');
  const before = [...journal.lines];
  const held = await site.ports.locks.acquire('job-x', 0);
  const lock = { ...held, lost: AbortSignal.abort(new Error('the lock is lost')) };

  await expect(cleanUpRun(site.ports, id, 'recovered', { lock })).rejects.toThrow('the lock is lost');

  expect(journal.lines).toEqual(before);
  expect(journal.folder).toBe('open');
});

test('a vCenter that does not answer keeps no run open: its session is left to its idle time, and told', async () => {
  const { site } = new World({ ...QUIET, runs: [] });
  const id = 'mb3k2j1f-x8q2zk';
  const at = new Date(0).toISOString();
  const lines = [
    { seq: 1, at, kind: 'opened', data: { version: 1, context: { job: 'job-0' } } },
    { seq: 2, at, kind: 'login', data: { key: 'k' } },
  ];
  site.journals.set(id, { job: 'job-0', lines, folder: 'open' });
  const { ports } = site;
  const endSession = (_key: string, signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

  const lock = await ports.locks.acquire('job-x', 0);
  await cleanUpRun({ ...ports, hypervisor: { ...ports.hypervisor, endSession } }, id, 'recovered', { lock });

  expect(site.journals.get(id)?.folder).toBe('closed');
  expect(site.warnings).toEqual([expect.stringContaining('left to its idle time')]);
});

test('a rebuild of the catalog that died before its end is brought to it: what it found stays kept', async () => {
  const { site } = new World({ ...QUIET, runs: [] });
  const id = 'mb3k2j1f-x8q2zk';
  const at = new Date(0).toISOString();
  const found = {
    array: '000197900046',
    name: `snaphook-${id}_abc123`,
    snapId: 1,
    devices: ['00001'],
    createdAt: at,
    vms: [],
  };
  const lines = [
    { seq: 1, at, kind: 'opened', data: { version: 1, context: { job: FOUND_JOB } } },
    { seq: 2, at, kind: 'found', data: found },
  ];
  site.journals.set(id, { job: FOUND_JOB, lines, folder: 'open' });

  await cleanUpRun(site.ports, id, 'recovered', { lock: await site.ports.locks.acquire('job-x', 0) });

  expect(site.journals.get(id)?.folder).toBe('kept');
  expect(lines.at(-1)).toMatchObject({ kind: 'closed', data: { outcome: 'kept' } });
});

test('a snapshot create that died after its end was written stays kept: nothing of it is undone', async () => {
  const made = { ...WAITING_RUN, keeps: true, handedOver: false, reached: 2 };
  const { site } = new World({ ...QUIET, runs: [made] });
  const [[id, journal] = ['', undefined]] = site.journals;
  if (!journal) throw new Error('the world has a run');
  const at = new Date(0).toISOString();
  journal.lines.push({ seq: journal.lines.length + 1, at, kind: 'closed', data: { outcome: 'kept' } });
  const onArray = site.arrays.flatMap(({ snapshots }) => snapshots.map(({ name }) => name));

  await cleanUpRun(site.ports, id, 'recovered', { lock: await site.ports.locks.acquire('job-x', 0) });

  expect(journal.folder).toBe('kept');
  expect(onArray).toHaveLength(1);
  expect(site.arrays.flatMap(({ snapshots }) => snapshots.map(({ name }) => name))).toEqual(onArray);
});

test('one that was told that its end was not written, and died while it undid its work, is undone', async () => {
  const { site } = new World({ ...QUIET, runs: [{ ...WAITING_RUN, keeps: true, handedOver: false, reached: 2 }] });
  const [[id, journal] = ['', undefined]] = site.journals;
  if (!journal) throw new Error('the world has a run');
  const [at, seq] = [new Date(0).toISOString(), journal.lines.length];
  const error = { code: 'E_JOURNAL', message: 'the journal cannot be written (EIO)' };
  journal.lines.push({ seq: seq + 1, at, kind: 'closed', data: { outcome: 'kept' } });
  journal.lines.push({ seq: seq + 1, at, kind: 'failed', data: { error } });

  await cleanUpRun(site.ports, id, 'recovered', { lock: await site.ports.locks.acquire('job-x', 0) });

  expect(journal.folder).toBe('closed');
  expect(site.arrays.flatMap(({ snapshots }) => snapshots)).toEqual([]);
});

test('one that died before is undone', async () => {
  const { site } = new World({ ...QUIET, runs: [{ ...WAITING_RUN, keeps: true, handedOver: false, reached: 2 }] });
  const [[id, journal] = ['', undefined]] = site.journals;

  await cleanUpRun(site.ports, id, 'recovered', { lock: await site.ports.locks.acquire('job-x', 0) });

  expect(journal?.folder).toBe('closed');
  expect(site.arrays.flatMap(({ snapshots }) => snapshots)).toEqual([]);
});
