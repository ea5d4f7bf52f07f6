import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { jobSpec } from '../../../src/cli/compose.ts';
import { manifestSchema } from '../../../src/cli/manifest-schema.ts';
import { snapshotCreateVerb } from '../../../src/cli/snapshot-create-verb.ts';
import { snapshotExportVerb } from '../../../src/cli/snapshot-export-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { catalogEntry } from '../../../src/job/catalog.ts';
import type { JobSpec, Keep } from '../../../src/job/job-spec.ts';
import { type KeepResult, keepSnapshot } from '../../../src/job/keep.ts';
import { deleteKept, renameKept } from '../../../src/job/kept-changes.ts';
import { listKept } from '../../../src/job/kept-snapshots.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import { pruneKept } from '../../../src/job/prune.ts';
import { rebuildCatalog } from '../../../src/job/rebuild.ts';
import { status } from '../../../src/job/status.ts';
import { POOL } from '../../../src/lab/estate-array.ts';
import { crashProgram, loseState, reapSite, told } from '../reap/crashed-site.ts';
import { openSite, type Site } from './site.ts';

const HOUR_MS = 3_600_000;
const DIST = path.join(__dirname, '../../../dist');

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(async () => {
  site.lab.faults.clear();
  const ids = (await listed()).snapshots.map(({ runId }) => runId as KeepResult['runId']); // as the journals have them
  await deleteAll(ids);
  expect(site.leftBehind()).toEqual([]);
});

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const never = new AbortController().signal;
const ofJob = (job = 'nightly') => jobSpec(loadConfig(site.lab.configFile), job);
const keep: Keep = { label: 'before patch', days: 14, rule: 'own' };
const create = (job = 'no-freeze', change: Partial<JobSpec> = {}, how: Keep = keep) =>
  site.withPorts((ports) => {
    const context = { job, integration: 'test', instance: undefined, productRunId: undefined, level: undefined };
    return keepSnapshot(ports, { ...ofJob(job), ...change }, how, context, never);
  });
const listed = () => site.withPorts((ports) => listKept(ports, never));
const deleteAll = (ids: readonly KeepResult['runId'][], apply = true) =>
  site.withPorts((ports) => deleteKept(ports, ids, { apply }, never));
const snapshotsOf = (device: string) => site.lab.store.snapshots(device);

test('a kept snapshot is one point in time with the grade of the job, ends by itself after its days, hands nothing over, and is renamed without its array', async () => {
  const from = site.lab.events.events.length;

  const { runId, plan, capture, degraded } = await create('nightly');

  expect(degraded).toBe(false);
  expect(capture.vms.map(({ grade }) => grade)).toEqual(['application']);
  expect(plan.devices).toEqual([]);
  expect(plan.snapshotName).toMatch(/^snaphook-[0-9a-z]{8}-[0-9a-z]{6}_[0-9a-z]{6}$/);
  const devices = plan.kept?.devices.map(({ device }) => device) ?? [];
  expect(devices).toEqual(site.lab.estate.guestDisks.map(({ device }) => device));
  const onArray = devices.flatMap((device) => snapshotsOf(device));
  expect(onArray.map(({ name, links }) => [name, links])).toEqual(devices.map(() => [plan.snapshotName, []]));
  for (const { createdAt, expiresAt } of onArray) {
    expect((expiresAt?.getTime() ?? 0) - createdAt.getTime()).toBeGreaterThanOrEqual(14 * 24 * HOUR_MS);
  }
  const asked = site.lab.events.since(from).filter(({ kind, system }) => kind === 'request' && system === 'array');
  expect(asked.filter(({ operation }) => operation === 'POST private/snapshot')).toHaveLength(1);
  expect(site.leftBehind()).toEqual(devices.map((device) => `snapshot ${plan.snapshotName} on ${device}`));
  const { snapshots, problems } = await listed();
  expect(problems).toEqual([]);
  expect(snapshots).toMatchObject([
    { runId, job: 'nightly', label: 'before patch', state: 'present', devices, snapId: capture.snapId, isGood: true },
  ]);
  expect(snapshots[0]?.vms).toMatchObject([{ name: site.lab.guestName, grade: 'application' }]);

  await site.withPorts((ports) => renameKept(ports, runId, 'after patch', never));

  expect((await listed()).snapshots).toMatchObject([{ runId, label: 'after patch', name: plan.snapshotName }]);
});

test('backups of the job come and go beside it, also one that waits for its post hook, and reap tells it and leaves it', async () => {
  const job = 'no-freeze';
  await site.pre({ job });
  const { runId } = await create(job, { onOpenRun: 'replace' });

  expect(told(await reapSite(site, { apply: true, olderThanMs: 0 }))).toEqual([
    'kept-snapshot kept',
    'waiting-run kept',
  ]);
  await site.post(job);
  await site.pre({ job, spec: { onOpenRun: 'replace' } });
  await site.post(job);

  expect((await listed()).snapshots).toMatchObject([{ runId, state: 'present' }]);
  expect(told(await reapSite(site, { apply: true, includeWaiting: true, olderThanMs: 0 }))).toEqual([
    'kept-snapshot kept',
  ]);
  const runs = await site.withPorts((ports) => status(ports, 0));
  expect(runs).toMatchObject([{ runId, state: 'kept', outcome: 'kept', holding: ['capture'] }]);
});

test('deleting looks first, changes nothing then, and refuses while somebody has linked it', async () => {
  const { runId, plan, capture } = await create();
  const [source = ''] = plan.kept?.devices.map(({ device }) => device) ?? [];
  expect(await deleteAll([runId], false)).toMatchObject([{ did: 'found', state: 'present' }]);
  expect(snapshotsOf(source)).toHaveLength(1);
  const array = site.lab.unisphere.array(plan.arrayId);
  const cylinders = site.lab.store.device(source)?.cylinders;
  const target =
    array.config.storageGroups
      .find(({ id }) => id === POOL)
      ?.volumes.find((id) => site.lab.store.device(id)?.cylinders === cylinders) ?? '';
  const link = { name: plan.snapshotName, select: { snapId: capture.snapId ?? -1 }, pairs: [{ source, target }] };
  site.lab.store.link({ ...link, copy: false });

  expect(await deleteAll([runId])).toMatchObject([{ did: 'failed', error: { code: 'E_SNAPSHOT_LINKED' } }]);
  expect((await listed()).snapshots).toMatchObject([{ runId, state: 'linked', linkedTargets: [target] }]);

  await site.lab.linksDefined();
  site.lab.store.unlink({ ...link, symforce: false });
  expect(await deleteAll([runId])).toMatchObject([{ did: 'deleted', state: 'present' }]);
  expect(await deleteAll([runId])).toMatchObject([{ did: 'failed', error: { code: 'E_SNAPSHOT_NOT_FOUND' } }]);
});

test('a delete whose answer is lost has deleted, and one that the array refuses leaves it kept', async () => {
  const [first, second] = [await create(), await create()];
  const terminate = { system: 'array', operation: 'DELETE private/snapshot' } as const;
  site.lab.faults.add({ ...terminate, when: 'after', nth: 1, action: { do: 'drop' } });

  expect(await deleteAll([first.runId])).toMatchObject([{ did: 'deleted' }]);

  const body = JSON.stringify({ message: 'The operation is not permitted now' });
  const allow = site.lab.faults.add({ ...terminate, when: 'before', action: { do: 'answer', status: 500, body } });
  expect(await deleteAll([second.runId])).toMatchObject([{ did: 'failed', error: { code: 'E_LEFTOVERS' } }]);
  allow();
  expect((await listed()).snapshots).toMatchObject([{ runId: second.runId, state: 'present' }]);
});

test('more than the count are deleted, of the same VMs alone, and none that was given days of its own', async () => {
  const retention = { days: 14, count: 1 };
  const byJob: Keep = { label: undefined, days: 14, rule: 'job' };
  const oldest = await create('no-freeze', {}, byJob);
  const own = await create('no-freeze');
  const otherVms = await create('no-freeze', { vms: ofJob('datastore').vms, collateral: 'warn' }, byJob);
  const newest = await create('no-freeze', {}, byJob);
  const spec = { ...ofJob('no-freeze'), retention };

  const look = await site.withPorts((ports) => pruneKept(ports, { spec, apply: false }, never));
  expect(look.deletions).toMatchObject([{ runId: oldest.runId, did: 'found' }]);
  const prune = (ports: JobPorts) => pruneKept(ports, { spec, sameVmsAs: newest.runId, apply: true }, never);
  expect((await site.withPorts(prune)).deletions).toMatchObject([{ runId: oldest.runId, did: 'deleted' }]);
  expect((await listed()).snapshots.map(({ runId }) => runId)).toEqual([own.runId, otherVms.runId, newest.runId]);
});

test('snapshot create says what it made, and ends what the retention of the job does not keep', async () => {
  const configFile = path.join(site.lab.directory, 'retention.yaml');
  const configured = readFileSync(site.lab.configFile, 'utf8');
  writeFileSync(configFile, configured.replace(/( {2}no-freeze:\n)/, '$1    retention: { days: 14, count: 1 }\n'));
  const run = async (label: string) => {
    const request = { configFile, job: 'no-freeze', vms: [], label, keepDays: undefined };
    const { document, exitCode } = await snapshotCreateVerb(request, silent, never);
    expect(exitCode).toBe(0);
    return JSON.parse(JSON.stringify(document)) as { readonly runId: string }; // the document of the verb, as `--json` prints it
  };

  const first = await run('monday');
  expect(first).toMatchObject({ schema: 'snaphook/snapshot-create', version: 1, label: 'monday', deleted: [] });
  expect(first).toMatchObject({ keep: { days: 14, rule: 'job', timeToLiveHours: 360 }, vms: [{ grade: 'crash' }] });
  const second = await run('tuesday');

  expect(second).toMatchObject({ deleted: [{ runId: first.runId, did: 'deleted' }], retentionProblems: [] });
  expect((await listed()).snapshots).toMatchObject([{ runId: second.runId, label: 'tuesday', state: 'present' }]);
});

test('without its journal it is told and never reaped, and whoever names it can delete it; what it was is unknown', async () => {
  const { runId, plan, capture } = await create();
  loseState(site.lab);

  expect(told(await reapSite(site, { apply: true, olderThanMs: 0 }))).toEqual(['kept-snapshot kept']);
  expect((await listed()).snapshots).toMatchObject([
    {
      runId,
      job: undefined,
      label: undefined,
      vms: [],
      name: plan.snapshotName,
      snapId: capture.snapId,
      isGood: false,
    },
  ]);
  expect(await deleteAll([runId])).toMatchObject([{ did: 'deleted' }]);
});

test('the catalog is rebuilt from the marks on the array and the devices in vCenter, and claims no more than these tell', async () => {
  const { runId, plan, capture } = await create();
  const devices = plan.kept?.devices.map(({ device }) => device) ?? [];
  const rebuild = (apply: boolean) => site.withPorts((ports) => rebuildCatalog(ports, { apply }, never));
  const entry = () => site.withPorts((ports) => catalogEntry(ports, runId));
  const vm = { name: site.lab.guestName, instanceUuid: plan.vms[0]?.instanceUuid };
  const disksOn = devices.map((device) => ({ devices: [{ device }] }));
  expect(await entry()).toMatchObject({ state: 'kept', vms: [{ ...vm, grade: 'crash', disks: disksOn }] });
  expect((await rebuild(true)).snapshots).toEqual([]);
  loseState(site.lab);

  const found = { runId, name: plan.snapshotName, snapId: capture.snapId, vms: [vm] };
  expect(await rebuild(false)).toMatchObject({ snapshots: [found], problems: [] });
  await expect(entry()).rejects.toMatchObject({ code: 'E_JOURNAL' });
  expect(await rebuild(true)).toMatchObject({ snapshots: [found], problems: [] });

  expect(await entry()).toMatchObject({
    state: 'kept',
    label: undefined,
    vms: [{ ...vm, grade: 'unknown', disks: disksOn }],
  });
  await site.withPorts((ports) => renameKept(ports, runId, 'found again', never));
  expect((await listed()).snapshots).toMatchObject([
    { runId, job: undefined, label: 'found again', state: 'present', keep: undefined, isGood: false, vms: [vm] },
  ]);
  expect(told(await reapSite(site, { apply: true, olderThanMs: 0 }))).toEqual(['kept-snapshot kept']);
  expect((await rebuild(true)).snapshots).toEqual([]);
  expect(await deleteAll([runId])).toMatchObject([{ did: 'deleted', state: 'present' }]);
  expect((await listed()).snapshots).toEqual([]);
});

test('its images are handed over as a backup is, without vCenter, until the post hook comes; it stays and cannot be deleted before', async () => {
  const { runId, plan, capture } = await create();
  const devices = plan.kept?.devices.map(({ device }) => device) ?? [];
  const exported = (job: string) =>
    snapshotExportVerb({ configFile: site.lab.configFile, job, run: runId, vms: [] }, silent, never);
  const establishes = () =>
    site.lab.events.events.filter(({ operation }) => operation === 'POST private/snapshot').length;
  const count = establishes();
  site.lab.faults.add({ system: 'vcenter', operation: 'Login', when: 'before', action: { do: 'drop' } });

  const { document, exitCode } = await exported('no-freeze');

  expect(exitCode).toBe(0);
  expect(establishes()).toBe(count);
  expect(document).toMatchObject({
    schema: 'snaphook/snapshot-export',
    snapshot: { name: plan.snapshotName, snapId: capture.snapId, keptBy: runId, devices },
    vms: [{ name: site.lab.guestName, grade: 'crash' }],
  });
  // The document of the verb, as `--json` prints it.
  const { directory, images } = document as {
    readonly directory: string;
    readonly images: readonly { readonly path: string; readonly device: string; readonly sizeBytes: number }[];
  };
  for (const { path: image, device, sizeBytes } of images) {
    const then = site.lab.store.readSnapshot(device, capture.snapId ?? -1).read(0, sizeBytes);
    expect(readFileSync(path.join(directory, image)).equals(then)).toBe(true);
  }
  const manifest = manifestSchema.parse(
    JSON.parse(readFileSync(path.join(directory, 'snaphook-manifest.json'), 'utf8')),
  );
  expect(manifest.snapshot).toMatchObject({ keptBy: runId, timeToLiveHours: 14 * 24 + 24 });
  site.lab.faults.clear();
  expect((await listed()).snapshots).toMatchObject([{ runId, state: 'linked' }]);
  expect(await deleteAll([runId])).toMatchObject([{ did: 'failed', error: { code: 'E_RUN_OPEN' } }]);
  expect(told(await reapSite(site, { apply: true, olderThanMs: 0 }))).toEqual([
    'kept-snapshot kept',
    'waiting-run kept',
  ]);
  // Without journals its files are proven by its own name, not by that of the snapshot.
  const state = path.join(site.lab.directory, 'state');
  renameSync(state, `${state}-aside`);
  expect(told(await reapSite(site, { olderThanMs: 0 }))).toEqual(['kept-snapshot kept', 'orphan-export found']);
  loseState(site.lab);
  renameSync(`${state}-aside`, state);

  await site.post('no-freeze');
  expect((await listed()).snapshots).toMatchObject([{ runId, state: 'present' }]);
  // A job that asks for more is told, and gets it all the same: somebody chose this snapshot.
  expect((await exported('nightly')).exitCode).toBe(3);
  await site.post('nightly');
});

test('killed while its images are handed over: the post hook ends it, and the snapshot stays', async () => {
  const { runId } = await create();
  const args = ['snaphook.cjs', 'snapshot', 'export', runId, '--job', 'no-freeze'] as const;
  await crashProgram(site.lab, args, { operation: 'PUT private/snapshot Link', when: 'after' });

  await site.post('no-freeze');

  expect((await listed()).snapshots).toMatchObject([{ runId, state: 'present' }]);
});

test.each(['before', 'after'] as const)(
  'killed %s the array made the snapshot: the guest is let go, and the next command leaves nothing of it',
  async (when) => {
    const args = ['snapshot', 'create', '--job', 'nightly', '--keep-days', '1', '--config', site.lab.configFile];
    const child = spawn(process.execPath, [path.join(DIST, 'snaphook.cjs'), ...args], { stdio: 'ignore' });
    const action = { do: 'call', run: () => void child.kill('SIGKILL') } as const;
    site.lab.faults.add({ system: 'array', operation: 'POST private/snapshot', when, nth: 1, action });
    expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
    while (site.lab.isFrozen()) await site.lab.pause(10);

    expect((await listed()).snapshots.filter(({ job }) => job !== undefined)).toEqual([]);
    // Not about grades: on a busy machine the lab's shrunken lease may end before its window does.
    const { runId } = await create('nightly', { onLowerGrade: 'degrade' });

    expect((await listed()).snapshots).toMatchObject([{ runId, state: 'present' }]);
  },
);

test('what cannot be kept is refused before a guest is asked for anything: VM snapshots, and more days than the array takes', async () => {
  await expect(create('no-freeze', { route: 'managed' })).rejects.toMatchObject({ code: 'E_DISK_UNSUPPORTED' });
  await expect(create('no-freeze', {}, { ...keep, days: 400 })).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringContaining('400 days'),
  });
});

test('a grade below the one asked for is refused as in the pre hook, and no snapshot stays', async () => {
  await expect(create('no-freeze', { grade: 'application' })).rejects.toMatchObject({ code: 'E_GRADE' });
});
