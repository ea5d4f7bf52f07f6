import { FOUND_JOB } from '../../../src/job/found-snapshot.ts';
import { deleteKept } from '../../../src/job/kept-changes.ts';
import { pruneKept } from '../../../src/job/prune.ts';
import { runId } from '../../../src/ports/identity.ts';
import type { MemorySite } from './worlds/memory-site.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { World } from './worlds/world.ts';
import type { RunSeed } from './worlds/world-seed.ts';

const kept: RunSeed = { ...WAITING_RUN, keeps: true, reached: 2, journal: 'closed' };
const siteWith = (...runs: RunSeed[]): MemorySite => new World({ ...QUIET, runs }).site;
const never = new AbortController().signal;
const remove = ({ ports }: MemorySite, ...ids: readonly string[]) =>
  deleteKept(ports, ids.map(runId), { apply: true }, never);
const idsOf = ({ journals }: MemorySite): readonly string[] => [...journals.keys()];
const onArrays = ({ arrays }: MemorySite) => arrays.flatMap(({ snapshots }) => snapshots);

test('each of several is tried, and what is wrong with one is told with it', async () => {
  const site = siteWith(kept, { ...kept, source: 1 });
  const [first = '', second = ''] = idsOf(site);

  expect(await remove(site, first, 'mb3k2j1f-x8q2zk', second)).toMatchObject([
    { runId: first, did: 'deleted', state: 'present' },
    { did: 'failed', error: { code: 'E_SNAPSHOT_NOT_FOUND' } },
    { runId: second, did: 'deleted' },
  ]);
  expect(onArrays(site)).toEqual([]);
  expect([...site.journals.values()].map(({ folder }) => folder)).toEqual(['closed', 'closed']);
});

test('one that its array does not have any more is taken from the list', async () => {
  const site = siteWith(kept);
  site.arrays[0]?.snapshots.splice(0);
  const [id = ''] = idsOf(site);

  expect(await remove(site, id)).toMatchObject([{ did: 'deleted', state: 'gone' }]);
  expect(site.journals.get(id)?.folder).toBe('closed');
});

test('a run that is at work or waits for its post hook has no kept snapshot', async () => {
  const site = siteWith(WAITING_RUN);
  const before = site.dump();

  expect(await remove(site, ...idsOf(site))).toMatchObject([{ error: { code: 'E_SNAPSHOT_NOT_FOUND' } }]);
  expect(site.dump()).toEqual(before);
});

test('without a journal, one whose mark is of another installation, or that is not kept, is not deleted by its run id', async () => {
  const site = siteWith({ ...kept, journal: 'lost' }, { ...WAITING_RUN, journal: 'lost', source: 2 });
  const [{ name: keptName } = { name: '' }, { name: leftover } = { name: '' }] = onArrays(site);
  const idOf = (name: string) => name.slice('snaphook-'.length, -'_123456'.length);
  const { ports } = site;
  const elsewhere = { ...ports, installation: { ...ports.installation, markOf: () => 'othe12' } };

  const foreign = await deleteKept(elsewhere, [runId(idOf(keptName))], { apply: true }, never);
  const left = await remove(site, idOf(leftover));

  expect([...foreign, ...left].map(({ error }) => error?.code)).toEqual([
    'E_SNAPSHOT_NOT_FOUND',
    'E_SNAPSHOT_NOT_FOUND',
  ]);
  expect(onArrays(site)).toHaveLength(2);
  expect(await remove(site, idOf(keptName))).toMatchObject([{ did: 'deleted' }]);
});

test('one that was found again is not taken for gone because its array is not configured any more', async () => {
  const site = siteWith();
  const id = 'mb3k2j1f-x8q2zk';
  const at = new Date(0).toISOString();
  const found = {
    array: '000197900099',
    name: `snaphook-${id}_abc123`,
    snapId: 1,
    devices: [],
    createdAt: at,
    vms: [],
  };
  const lines = [
    { seq: 1, at, kind: 'opened', data: { version: 1, context: { job: FOUND_JOB } } },
    { seq: 2, at, kind: 'found', data: found },
    { seq: 3, at, kind: 'closed', data: { outcome: 'kept' } },
  ];
  site.journals.set(id, { job: FOUND_JOB, lines, folder: 'kept' });

  expect(await remove(site, id)).toMatchObject([{ did: 'failed', error: { code: 'E_CONFIG' } }]);
  expect(site.journals.get(id)?.folder).toBe('kept');
});

test('prune ends the journal of one whose deleter died before it, but not while somebody is at work with the job', async () => {
  const site = siteWith(kept);
  const [[id, journal] = ['', undefined]] = site.journals;
  if (!journal) throw new Error('the world has a run');
  const at = new Date(0).toISOString();
  journal.lines.push({ seq: journal.lines.length + 1, at, kind: 'undone', data: { step: 'capture' } });
  const prune = () => pruneKept(site.ports, { spec: { name: 'job-0' }, apply: true }, never);
  site.locks.set('job-job-0', false);

  await prune();
  expect(site.journals.get(id)?.folder).toBe('kept');
  site.locks.clear();
  expect(await prune()).toMatchObject({ deletions: [], problems: [] });
  expect(site.journals.get(id)?.folder).toBe('closed');
});
