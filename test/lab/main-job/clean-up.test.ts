import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_LIMITS } from '../../../src/job/job-spec.ts';
import { reap } from '../../../src/job/reap.ts';
import type { ReapRequest } from '../../../src/job/reaping.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(() => site.close());

const reapSite = (request: Partial<ReapRequest> = {}) =>
  site.withPorts((ports) =>
    reap(ports, { apply: true, includeWaiting: false, olderThanMs: 0, ...request }, new AbortController().signal),
  );
const refuseTerminate = () =>
  site.lab.faults.add({
    system: 'array',
    operation: 'DELETE private/snapshot',
    when: 'before',
    action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'The operation is not permitted now' }) },
  });

test('what cannot be undone is told, the run stays open, and the next post finishes the work', async () => {
  await site.pre();
  const allow = refuseTerminate();

  await expect(site.post()).rejects.toMatchObject({ code: 'E_LEFTOVERS', hint: expect.stringMatching(/reap/) });
  expect(site.leftBehind().length).toBeGreaterThan(0);

  allow();
  await site.post();
  expect(site.leftBehind()).toEqual([]);
});

test('an error of one undo does not keep the others from being undone', async () => {
  await site.pre();
  refuseTerminate();

  await expect(site.post()).rejects.toMatchObject({ code: 'E_LEFTOVERS' });

  expect(site.lab.store.devices().filter((device) => device.isTarget)).toEqual([]);
  expect(site.leftBehind().filter((left) => left.startsWith('export/'))).toEqual([]);
});

test('a session in a guest that is not ended in time, but by the undo of the whole run, is told as such and not as something left', async () => {
  const { faults } = site.lab;
  const release = { system: 'guest', operation: 'exec release', when: 'before' } as const;
  // The helper is not heard any more, nor is the session's own end over another connection; that by the journal takes all its time.
  faults.add({ system: 'guest', operation: 'quit', when: 'before', nth: 1, action: { do: 'drop' } });
  faults.add({ ...release, nth: 1, action: { do: 'drop' } });
  faults.add({ ...release, nth: 2, action: { do: 'delay', delayMs: 4500 } });

  const error = await site.failingPre({ job: 'linux', spec: { limits: { ...DEFAULT_LIMITS, undoMs: 3000 } } });

  expect(error).toMatchObject({ code: 'E_GUEST', message: expect.stringMatching(/guests.*took longer than 3000 ms/) });
  expect(error.hint).toMatch(/reap/);
  expect(site.lab.linuxGuest.sessionCount()).toBe(0);
  expect(site.leftBehind()).toEqual([]);
  await expect(site.post('linux')).rejects.toMatchObject({ code: 'E_NO_RUN' });
});

test('a pre hook that fails and cannot clean up names both, and the next pre hook cleans up first', async () => {
  const allow = refuseTerminate();
  const linkAgain = site.lab.faults.add({
    system: 'array',
    operation: 'PUT private/snapshot Link',
    when: 'before',
    action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'Something odd happened' }) },
  });

  const error = await site.failingPre();
  expect(error).toMatchObject({ code: 'E_LEFTOVERS', message: expect.stringMatching(/Something odd.*not permitted/s) });

  allow();
  linkAgain();
  await site.pre();
  await site.post();
  expect(site.leftBehind()).toEqual([]);
});

test('reap looks before it removes, and leaves a run alone that waits for its post hook', async () => {
  const { runId } = await site.pre();

  expect(await reapSite({ apply: false })).toMatchObject([{ finding: { kind: 'waiting-run', runId }, did: 'kept' }]);
  expect(await reapSite()).toMatchObject([{ finding: { kind: 'waiting-run', runId }, did: 'kept' }]);
  expect(await reapSite({ includeWaiting: true })).toMatchObject([
    { finding: { kind: 'waiting-run' }, did: 'removed' },
  ]);
  expect(site.leftBehind()).toEqual([]);
});

test('a snapshot that only looks like ours is reported and never touched', async () => {
  const { store } = site.lab;
  const [device] = site.lab.estate.guestDisks;
  store.establish({ name: 'snaphook-mb3k2j1f-x8q2zk', devices: [device?.device ?? ''] });
  store.establish({ name: 'nightly', devices: [device?.device ?? ''] });

  const findings = await reapSite({ includeWaiting: true });

  expect(findings).toMatchObject([
    { finding: { kind: 'foreign-snapshot', name: 'snaphook-mb3k2j1f-x8q2zk' }, did: 'kept' },
  ]);
  expect(store.snapshots(device?.device ?? '').map(({ name }) => name)).toEqual([
    'nightly',
    'snaphook-mb3k2j1f-x8q2zk',
  ]);
});

test('a snapshot of a closed run is ours by name and journal, and is removed', async () => {
  const { plan } = await site.pre();
  await site.post();
  site.lab.store.establish({ name: plan.snapshotName, devices: plan.devices.map(({ device }) => device) });

  expect(await reapSite()).toMatchObject([{ finding: { kind: 'orphan-snapshot', runId: plan.runId }, did: 'removed' }]);
  expect(site.leftBehind()).toEqual([]);
});

test('a snapshot of a closed run on a device the run never planned is not ours', async () => {
  const { plan } = await site.pre();
  await site.post();
  site.lab.store.establish({ name: plan.snapshotName, devices: ['00301'] });

  expect(await reapSite()).toMatchObject([{ finding: { kind: 'foreign-snapshot' }, did: 'kept' }]);
});

test("another job's damaged journal is reported and does not stop this job", async () => {
  const { runId } = await site.pre({ job: 'no-freeze' });
  appendFileSync(path.join(site.lab.directory, 'state/runs/open', `${runId}.jsonl`), 'damaged\n{}\n');

  await site.pre();
  await site.post();

  expect(await reapSite()).toMatchObject([{ finding: { kind: 'unreadable-run', runId }, did: 'kept' }]);
});

test('an array that was restarted between the hooks still has the snapshot and the links, and post removes them', async () => {
  const { plan } = await site.pre();
  const [first] = plan.devices;

  await site.restartLab();

  expect(site.lab.store.linkOf(first?.target ?? '')).toMatchObject({ source: first?.device, name: plan.snapshotName });
  await site.post();
  expect(site.leftBehind()).toEqual([]);
});
