import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { reap } from '../../../src/job/reap.ts';
import { PROXY_VM } from '../../../src/lab/estate.ts';
import { PROXY_HOST } from '../../../src/lab/estate-array.ts';
import { installationMark } from '../../../src/platform/installation-mark.ts';
import { moRef } from '../../../src/ports/identity.ts';
import type { VmSnapshots } from '../../../src/ports/vm-snapshots.ts';
import { sampled } from '../../seed.ts';
import { until } from '../guest/until.ts';
import { openSite, type Site } from '../main-job/site.ts';
import { type CrashPoint, crashPre, loseState, reapSite, told } from './crashed-site.ts';

const JOB = 'managed';
const signal = new AbortController().signal;

let site: Site;
beforeEach(async () => {
  site = await openSite({ estate: { disks: 2, cylinders: 6, disksAre: 'vvol' }, vvolSnapVx: 'refused' });
});
afterEach(() => site.close());

/** What vCenter was asked for by a hook that died comes all the same; only then is there something to find. */
const isTaken = () => site.lab.vcenter.snapshotsOf('sql01').length === 1;
const isAdded = () => site.lab.vcenter.vm(PROXY_VM).disks.length === 3;

const CRASHES: readonly (readonly [string, CrashPoint, () => boolean, readonly string[]])[] = [
  ['during the snapshot', { system: 'vcenter', operation: 'CreateSnapshot_Task', when: 'before' }, isTaken, []],
  ['after the snapshot', { system: 'vcenter', operation: 'CreateSnapshot_Task', when: 'after' }, isTaken, []],
  ['while disks were added', { system: 'vcenter', operation: 'ReconfigVM_Task', when: 'before' }, isAdded, []],
  ['after disks were added', { system: 'vcenter', operation: 'ReconfigVM_Task', when: 'after' }, isAdded, []],
  ['between two images', { rename: 'hard-disk-1.raw', when: 'after' }, isAdded, ['orphan-export']],
  [
    'after the manifest was written',
    { rename: 'snaphook-manifest.json', when: 'after' },
    isAdded,
    ['orphan-export', 'orphan-export'],
  ],
];

/** A killed hook cannot end its shell: it ends by its idle time. */
const leftOfUs = (except: readonly string[] = []) =>
  site.leftBehind().filter((left) => left !== 'guest shell' && !except.includes(left));

describe.each(sampled(CRASHES))('a pre hook on the route managed that was killed %s', (_, point, hasCome, exports) => {
  test('is cleaned up by its journal, its session in vCenter too', async () => {
    await crashPre(site.lab, JOB, point);
    await until(hasCome);

    expect(told(await reapSite(site)).filter((one) => !one.startsWith('stale-lock'))).toEqual(['crashed-run found']);
    const applied = await reapSite(site, { apply: true });
    expect(told(applied).filter((one) => !one.startsWith('stale-lock'))).toEqual(['crashed-run removed']);
    expect(leftOfUs()).toEqual([]);
  });

  test('is cleaned up without its journal, once it is old enough: added disks first, then the snapshot', async () => {
    await crashPre(site.lab, JOB, point);
    await until(hasCome);
    loseState(site.lab);
    const kinds = [...exports, 'orphan-vm-snapshot'].sort();

    const kept = await reapSite(site, { apply: true });
    expect(told(kept)).toEqual(kinds.map((kind) => `${kind.replace('orphan', 'waiting')} kept`));
    expect(hasCome()).toBe(true);
    expect(told(await reapSite(site, { olderThanMs: 0 }))).toEqual(kinds.map((kind) => `${kind} found`));
    expect(told(await reapSite(site, { apply: true, olderThanMs: 0 }))).toEqual(kinds.map((kind) => `${kind} removed`));
    expect(leftOfUs(['vCenter session'])).toEqual([]);
  });
});

test('the next pre hook of the job cleans up by itself and captures again', async () => {
  await crashPre(site.lab, JOB, { system: 'vcenter', operation: 'ReconfigVM_Task', when: 'after' });
  await until(isAdded);
  const { files } = await site.pre({ job: JOB });
  expect(files).toHaveLength(2);
  await site.post(JOB);
  expect(leftOfUs()).toEqual([]);
});

describe('what only looks like ours', () => {
  const vm = () => moRef(site.lab.vcenter.moRefOf('sql01'));
  const inVcenter = <Result>(work: (vcenter: VmSnapshots) => Promise<Result>): Promise<Result> =>
    site.withPorts(({ vmSnapshots }) => {
      if (!vmSnapshots) throw new Error('the lab has a proxy VM');
      return work(vmSnapshots);
    });
  const run = () => `${Date.now().toString(36)}-abcdef`;
  const nameOf = (id: string, installation = `${PROXY_HOST} ${new URL(site.lab.urls.vcenter).host}`) =>
    `snaphook-${id}-${installationMark(installation, id as never, '000197900046' as never)}`; // of the forms these brands stand for
  const describeRun = (id: string) => `snaphook run ${id}; removed when the backup is over`;

  test.each<[string, (id: string) => { name: string; description: string }, string]>([
    ['a name of another form', () => ({ name: 'snaphook-before-update', description: '' }), 'not of our form'],
    ['another description', (id) => ({ name: nameOf(id), description: 'kept for the auditors' }), 'description'],
    [
      'the mark of another installation',
      (id) => ({ name: nameOf(id, 'elsewhere'), description: describeRun(id) }),
      'not of this installation',
    ],
    [
      'a run of another time',
      () => {
        const id = `${(Date.now() - 7 * 24 * 3_600_000).toString(36)}-abcdef`;
        return { name: nameOf(id), description: describeRun(id) };
      },
      'vCenter made it',
    ],
  ])('a VM snapshot with %s is told and left alone', async (_, marks, because) => {
    await inVcenter((vcenter) => vcenter.create({ vm: vm(), quiesce: undefined, ...marks(run()) }, signal));

    const found = await reapSite(site, { apply: true, olderThanMs: 0 });
    expect(found).toEqual([expect.objectContaining({ did: 'kept', because: expect.stringContaining(because) })]);
    expect(told(found)).toEqual(['foreign-vm-snapshot kept']);
    expect(isTaken()).toBe(true);
  });

  test("a run's undo leaves alone a snapshot of its name that is not the one it took, and disks it did not add", async () => {
    const { plan } = await site.pre({ job: JOB });
    const name = plan.snapshotName;
    const [own] = await inVcenter((vcenter) => vcenter.find({ vm: vm(), name }, signal));
    await inVcenter((vcenter) =>
      vcenter.create({ vm: vm(), name, description: own?.description ?? '', quiesce: undefined }, signal),
    );
    const bootDisk = site.lab.vcenter.vm(PROXY_VM).disks[0];
    await site.post(JOB);

    expect(await inVcenter((vcenter) => vcenter.list({ namePrefix: name }, signal))).toEqual([
      expect.objectContaining({ moRef: expect.not.stringMatching(`^${own?.moRef}$`) }),
    ]);
    expect(site.lab.vcenter.vm(PROXY_VM).disks).toEqual([bootDisk]);
  });
});

test('a VM snapshot of a closed run whose array is not configured any more is told, and left alone', async () => {
  const { runId } = await site.pre({ job: JOB });
  const journal = (state: 'open' | 'closed') => path.join(site.lab.directory, 'state/runs', state, `${runId}.jsonl`);
  renameSync(journal('open'), journal('closed'));

  const request = { apply: true, includeWaiting: true, olderThanMs: 0 };
  const found = await site.withPorts((ports) => reap({ ...ports, arrays: [] }, request, signal));

  expect(found).toContainEqual(
    expect.objectContaining({
      finding: expect.objectContaining({ kind: 'foreign-vm-snapshot' }),
      did: 'kept',
      because: expect.stringContaining('not configured any more'),
    }),
  );
  expect(site.lab.vcenter.snapshotsOf('sql01')).toHaveLength(1);
  renameSync(journal('closed'), journal('open'));
  await site.post(JOB);
  expect(leftOfUs()).toEqual([]);
});

test('added disks that nothing of ours explains any more are told and left alone', async () => {
  await site.pre({ job: JOB });
  expect(told(await reapSite(site))).toEqual(['waiting-run kept']);
  loseState(site.lab);
  rmSync(path.join(site.lab.directory, 'export'), { recursive: true });
  await site.withPorts(async ({ vmSnapshots }) => {
    const [snapshot] = (await vmSnapshots?.list({ namePrefix: 'snaphook-' }, signal)) ?? [];
    if (snapshot) await vmSnapshots?.remove(snapshot, signal);
  });
  const { disks } = site.lab.vcenter.vm(PROXY_VM);

  const found = await reapSite(site, { apply: true, olderThanMs: 0 });
  expect(told(found)).toEqual(['added-disks kept']);
  const files = disks.slice(1).map(({ backing }) => 'fileName' in backing && backing.fileName);
  expect(found[0]?.finding).toMatchObject({ vm: site.lab.vcenter.moRefOf(PROXY_VM), files });
  expect(files).toHaveLength(2);
  expect(site.lab.vcenter.vm(PROXY_VM).disks).toEqual(disks);
});

test('a snapshot that another proxy reads too is told as left over, and merged when that proxy lets go', async () => {
  await site.pre({ job: JOB });
  const file = site.lab.vcenter.vm(PROXY_VM).disks[1]?.backing;
  const other = site.lab.vcenter.addVm('DC1', {
    ...site.lab.vcenter.vm('app02'),
    name: 'proxy02',
    instanceUuid: '11111111-2222-3333-4444-555555555555',
    biosUuid: '11111111-2222-3333-4444-555555555556',
  });
  const { disks } = site.lab.vcenter.vm(other);
  const [disk] = site.lab.vcenter.vm(PROXY_VM).disks.slice(1);
  if (!disk || !file) throw new Error('the proxy VM has the added disks');
  site.lab.vcenter.changeVm(other, { disks: [...disks, { ...disk, key: 2009 }] });

  await expect(site.post(JOB)).rejects.toMatchObject({
    code: 'E_LEFTOVERS',
    message: expect.stringContaining('need consolidation'),
  });
  expect(site.lab.vcenter.vm('sql01').consolidationNeeded).toBe(true);
  site.lab.vcenter.changeVm(other, { disks });
  await site.post(JOB);
  expect(leftOfUs()).toEqual([]);
});
