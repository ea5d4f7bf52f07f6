import { remains } from '../../../src/job/finding.ts';
import { reap } from '../../../src/job/reap.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { OLDER_THAN_MS } from './worlds/facts.ts';
import type { MemorySite } from './worlds/memory-site.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { PRESENT } from './worlds/run-of-world.ts';
import { World } from './worlds/world.ts';
import type { RunSeed } from './worlds/world-seed.ts';

const lostRun: RunSeed = { ...WAITING_RUN, ageMinutes: 3000, journal: 'lost' };
const siteWith = (...runs: RunSeed[]): MemorySite => new World({ ...QUIET, runs }).site;
const silent = async () => {
  throw new SnaphookError('E_ARRAY_UNREACHABLE', 'no answer');
};

const look = (
  { ports }: MemorySite,
  change: Partial<MemorySite['ports']> = {},
  signal = new AbortController().signal,
) => reap({ ...ports, ...change }, { apply: false, includeWaiting: true, olderThanMs: OLDER_THAN_MS }, signal);

test('an array that does not answer is told and costs the report nothing: the other array and the directories are looked at', async () => {
  const site = siteWith(lostRun, { ...lostRun, array: 1, job: 1 });
  const all = await look(site);
  const [first, second] = site.arrays;
  if (!first || !second) throw new Error('the world has two arrays');
  const kinds = (reaped: typeof all) => reaped.map(({ finding }) => finding.kind);
  expect(kinds(all).filter((kind) => kind === 'orphan-snapshot')).toHaveLength(2);

  first.listSnapshots = silent;
  const reaped = await look(site);

  const blind = reaped.filter(({ finding }) => finding.kind === 'not-looked-at');
  expect(blind).toEqual([
    {
      finding: { kind: 'not-looked-at', what: `array ${first.id}` },
      did: 'kept',
      because: expect.any(String),
      error: 'no answer',
    },
  ]);
  expect(blind.map(remains)).toEqual([true]);
  const others = all.filter(({ finding }) => !('array' in finding && finding.array === first.id));
  expect(reaped.filter((one) => !blind.includes(one))).toEqual(others);
});

test('one snapshot, one directory or one run that cannot be asked is told, and the rest is looked at', async () => {
  const site = siteWith(
    lostRun,
    { ...lostRun, source: 1, job: 1 },
    { ...lostRun, journal: 'open', source: 2, array: 1 },
  );
  const [array] = site.arrays;
  const { ports } = site;
  if (!array) throw new Error('the world has arrays');
  const [{ name: blindName } = { name: '' }] = array.snapshots;
  const find = array.findSnapshots.bind(array);
  array.findSnapshots = async (request) => (request.name === blindName ? silent() : find(request));
  const [openRun] = await ports.journals.openRuns();

  const reaped = await look(site, {
    images: {
      ...ports.images,
      records: async (directory, prefix, signal) =>
        directory === '/export/job-0' ? silent() : ports.images.records(directory, prefix, signal),
    },
    journals: { ...ports.journals, open: async (id) => (id === openRun?.runId ? silent() : ports.journals.open(id)) },
  });

  const blind = reaped.flatMap(({ finding }) => (finding.kind === 'not-looked-at' ? [finding.what] : []));
  expect(blind).toEqual(
    expect.arrayContaining([
      `snapshot ${blindName} on array ${array.id}`,
      'directory /export/job-0',
      `run ${openRun?.runId} of job ${openRun?.job}`,
    ]),
  );
  expect(reaped.map(({ finding }) => finding.kind)).toContain('orphan-snapshot');
});

test('file systems of a lost hand-over are released first; while that fails, its snapshot stays', async () => {
  const site = siteWith(lostRun);
  const [[file, manifest] = ['', undefined]] = [...site.files].filter(([, { text }]) => text !== undefined);
  const { text = '' } = manifest ?? {};
  const withFolders = JSON.stringify({ ...JSON.parse(text), folders: ['vm/hard-disk-1'] });
  site.files.set(file, { sizeBytes: withFolders.length, bornAtMs: manifest?.bornAtMs ?? 0, text: withFolders });
  const [array] = site.arrays;
  let isBusy = true;
  const released: unknown[] = [];
  const release: MemorySite['ports']['fileSystems']['release'] = async (directory, disks) => {
    if (isBusy) throw new SnaphookError('E_PROXY', 'somebody reads there');
    released.push(directory, disks, array?.snapshots.length);
    return [];
  };
  const apply = () => {
    const { ports } = site;
    const request = { apply: true, includeWaiting: false, olderThanMs: OLDER_THAN_MS };
    const fileSystems = { ...ports.fileSystems, release };
    return reap({ ...ports, fileSystems }, request, new AbortController().signal);
  };

  expect((await apply()).map(({ finding, did }) => [finding.kind, did])).toEqual([['orphan-export', 'failed']]);
  expect(array?.snapshots).toHaveLength(1);

  isBusy = false;
  expect((await apply()).map(({ finding, did }) => [finding.kind, did])).toEqual([
    ['orphan-export', 'removed'],
    ['orphan-snapshot', 'removed'],
  ]);
  expect(released).toEqual(['/export/job-0', [{ folder: 'vm/hard-disk-1', devicePaths: undefined }], 1]);
});

test('an interruption ends the look', async () => {
  const site = siteWith(lostRun);
  const abort = new AbortController();
  const [array] = site.arrays;
  if (!array) throw new Error('the world has arrays');
  array.listSnapshots = async () => {
    abort.abort(new SnaphookError('E_INTERRUPTED', 'interrupted'));
    throw abort.signal.reason;
  };

  await expect(look(site, {}, abort.signal)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
});

test('pool members in the presented group that are not linked and that no open run has are told and left alone', async () => {
  const site = siteWith({ ...lostRun, journal: 'open', job: 1 });
  const [array] = site.arrays;
  if (!array) throw new Error('the world has arrays');
  const ofOpenRun = [...array.devices].filter(([, { groups }]) => groups.has(PRESENT)).map(([id]) => id);
  expect(ofOpenRun).toHaveLength(1);
  const free = [...array.devices].find(([id, { groups }]) => groups.has('SG-pool-1') && !ofOpenRun.includes(id));
  if (!free) throw new Error('the pool has free targets');
  free[1].groups.add(PRESENT);

  const reaped = await look(site);

  const presented = reaped.filter(({ finding }) => finding.kind === 'presented-targets');
  expect(presented).toMatchObject([
    { finding: { array: array.id, storageGroup: PRESENT, devices: [free[0]] }, did: 'kept' },
  ]);
  expect(presented.map(remains)).toEqual([false]);
});

test('targets that a run was making when it died are told with it, and stay in the pool', async () => {
  const site = siteWith();
  const devices = [{ cylinders: 100, emulation: 'FBA', count: 2 }];
  const data = { array: site.arrays[0]?.id, storageGroup: 'SG-pool-0', identifier: 'snaphook-x', devices };
  const context = { job: 'job-0', integration: 'test', instance: undefined, productRunId: undefined, level: undefined };
  const lines = [
    { kind: 'opened', data: { version: 1, context } },
    { kind: 'creating', data },
  ].map((line, index) => ({ seq: index + 1, at: '2026-11-25T00:00:00.000Z', ...line }));
  site.journals.set('mb3k2j1f-x8q2zk', { job: 'job-0', lines, folder: 'open' });
  const before = site.arrays[0]?.dump();

  const [found] = await look(site);
  const request = { apply: true, includeWaiting: false, olderThanMs: OLDER_THAN_MS };
  const [removed] = await reap(site.ports, request, new AbortController().signal);

  const because = expect.stringMatching(/making 2 target\(s\) in pool "SG-pool-0".*identifier "snaphook-x"/);
  expect(found).toMatchObject({ finding: { kind: 'crashed-run', runId: 'mb3k2j1f-x8q2zk' }, because });
  expect(removed).toMatchObject({ did: 'removed', because });
  expect(site.arrays[0]?.dump()).toEqual(before);
});
