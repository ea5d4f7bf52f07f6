import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { jobSpec } from '../../../src/cli/compose.ts';
import { observeWindow } from '../../../src/cli/demo/observe.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { keepSnapshot } from '../../../src/job/keep.ts';
import { deleteKept } from '../../../src/job/kept-changes.ts';
import { newRunId } from '../../../src/job/names.ts';
import { previewPlan } from '../../../src/job/planner.ts';
import type { PreResult } from '../../../src/job/pre.ts';
import { reap } from '../../../src/job/reap.ts';
import { ARRAY_ID } from '../../../src/lab/estate-array.ts';
import { openSite, type Site } from './site.ts';

/** On a busy machine the lab's shrunken lease may end before its window does; these tests are not about grades. */
const anyGrade = { spec: { onLowerGrade: 'degrade' } } as const;

const rdmOnly = { disks: 3, cylinders: 6, disksAre: 'rdm' } as const;
const groupsOnly = { deviceListSnapVx: 'absent' } as const;
const APPLY = { apply: true, includeWaiting: false, olderThanMs: 0 };

let site: Site | undefined;
const open = async (options: Parameters<typeof openSite>[0] = {}) => {
  site = await openSite({ estate: rdmOnly, arrayKnobs: groupsOnly, ...options });
  return site;
};
afterEach(async () => {
  await site?.close();
  site = undefined;
});

/** Every image holds the bytes of its own device at the snapshot. */
function expectImagesOf({ lab }: Site, { plan, files, directory }: PreResult): void {
  expect(files).toHaveLength(plan.devices.length);
  for (const { device, imagePath } of plan.devices) {
    const snapId = lab.store.snapshots(device).find(({ name }) => name === plan.snapshotName)?.snapId ?? -1;
    const image = readFileSync(path.join(directory, imagePath));
    expect(image.equals(lab.store.readSnapshot(device, snapId).read(0, image.length))).toBe(true);
  }
}

const ownGroups = ({ lab }: Site): readonly string[] =>
  lab.unisphere
    .array(ARRAY_ID)
    .config.storageGroups.map(({ id }) => id)
    .filter((id) => id.startsWith('snaphook-'));
const operations = ({ lab }: Site) =>
  lab.events.events.filter(({ kind, system }) => kind === 'request' && system === 'array').map((one) => one.operation);

describe.each([
  ['9.2', 'V3'],
  ['10.0', 'V3'],
  ['10.3', 'V3'],
  ['10.3', 'V4'],
] as const)('storage-group-only array (Unisphere %s, %s)', (unisphereVersion, generation) => {
  test('one establish of a temporary group in the window, every image is that of its device, nothing left', async () => {
    const opened = await open({ unisphereVersion, generation });

    const result = await opened.pre(anyGrade);
    const groupsAtWork = ownGroups(opened);
    expectImagesOf(opened, result);
    await opened.lab.linksDefined();
    await opened.post();

    expect(result.plan.array.snapVxApi).toBe('storage-group');
    expect(observeWindow(opened.lab.events.events)?.calls).toEqual({ array: 1, vcenter: 0, connections: 0 });
    expect(operations(opened).filter((one) => one === 'POST storagegroup/snapshot')).toHaveLength(1);
    // Its absence is found out by one read, and then known: to the post hook from the journal.
    expect(operations(opened).filter((one) => one.includes('private/'))).toEqual(['GET private/volume/snapshot']);
    expect(groupsAtWork).toEqual([result.plan.snapshotName, `${result.plan.snapshotName}-targets`]);
    expect(ownGroups(opened)).toEqual([]);
    expect(opened.leftBehind()).toEqual([]);
  });
});

test.each(['added', 'device-id'] as const)(
  'devices of one size are paired as planned, whether an array counts members as %s',
  async (groupOrder) => {
    const opened = await open({ arrayKnobs: { ...groupsOnly, groupOrder } });

    const { plan } = await opened.pre(anyGrade);
    const links = plan.devices.map(({ target }) => opened.lab.store.linkOf(target)?.source);
    await opened.post();

    expect(links).toEqual(plan.devices.map(({ device }) => device));
    expect(opened.leftBehind()).toEqual([]);
  },
);

test('the temporary group of a kept snapshot stays as long as the snapshot: reap leaves it, and the snapshot is deleted with it', async () => {
  const opened = await open({ generation: 'V4' });
  const never = new AbortController().signal;
  const { runId, plan } = await opened.withPorts((ports) => {
    const job = 'no-freeze';
    const context = { job, integration: 'test', instance: undefined, productRunId: undefined, level: undefined };
    const keep = { label: undefined, days: 1, rule: 'own' } as const;
    return keepSnapshot(ports, jobSpec(loadConfig(opened.lab.configFile), job), keep, context, never);
  });

  const reaped = await opened.withPorts((ports) => reap(ports, APPLY, never));
  const groupsThen = ownGroups(opened);
  const deleted = await opened.withPorts((ports) => deleteKept(ports, [runId], { apply: true }, never));

  expect(reaped.map(({ finding, did }) => [finding.kind, did])).toEqual([['kept-snapshot', 'kept']]);
  expect(groupsThen).toEqual([plan.snapshotName]);
  expect(deleted).toMatchObject([{ did: 'deleted', state: 'present' }]);
  expect(ownGroups(opened)).toEqual([]);
  expect(opened.leftBehind()).toEqual([]);
});

test('a plan says that what a source carries could not be looked at', async () => {
  const opened = await open({ unisphereVersion: '9.2' });
  const device = opened.lab.estate.guestDisks[0]?.device ?? '';
  opened.lab.store.establish({ name: 'of-somebody', devices: [device] });
  const request = {
    runId: newRunId(new Date(), 'aaaaaa'),
    spec: jobSpec(loadConfig(opened.lab.configFile), 'nightly'),
    context: { job: 'nightly', integration: 'test', instance: undefined, productRunId: undefined, level: undefined },
  };

  const { warnings } = await opened.withPorts((ports) => previewPlan(ports, request, AbortSignal.timeout(30_000)));

  expect(warnings).toContainEqual(expect.stringMatching(new RegExp(`^not looked at: .*\\(${device}\\)`)));
});

test('a site that forbids private paths is served by storage groups all the same', async () => {
  const opened = await open({ arrayKnobs: { deviceListSnapVx: 'forbidden' } });

  await opened.pre(anyGrade);
  await opened.post();

  expect(opened.leftBehind()).toEqual([]);
});

test('a vVol that groups do not take is refused before any guest is prepared', async () => {
  const opened = await open({ estate: { disks: 2, cylinders: 6 } });

  await expect(opened.failingPre()).resolves.toMatchObject({ code: 'E_ARRAY_VVOL' });

  const { events } = opened.lab.events;
  expect(events.some(({ system, kind }) => system === 'guest' && kind === 'request')).toBe(false);
  expect(opened.leftBehind()).toEqual([]);
});

describe('when an answer is lost, or the journals are', () => {
  test.each([
    'POST storagegroup',
    'PUT storagegroup',
    'PUT storagegroup/snapshot Link',
    'PUT storagegroup/snapshot Unlink',
    'DELETE storagegroup/snapshot/snapid',
    'DELETE storagegroup',
  ])('a lost answer to %s changes nothing', async (operation) => {
    const opened = await open();
    opened.lab.faults.add({ system: 'array', operation, nth: 1, when: 'after', action: { do: 'drop' } });

    const { plan } = await opened.pre(anyGrade);
    await opened.post();

    expect(plan.devices).toHaveLength(3);
    expect(opened.leftBehind()).toEqual([]);
  });

  test('reap removes groups of lost journals by their mark, and leaves alone what somebody else uses', async () => {
    const opened = await open();
    const { plan } = await opened.pre(anyGrade);
    const array = opened.lab.unisphere.array(ARRAY_ID);
    const free = plan.snapshotName;
    await opened.post();
    array.change((config) => {
      const made = { uuid: '', compression: false, children: [] };
      config.storageGroups.push(
        { ...made, id: free, volumes: plan.devices.map(({ device }) => device) },
        { ...made, id: `${free}-targets`, volumes: [], srp: 'SRP_1', serviceLevel: 'Diamond' },
        { ...made, id: 'snaphook-somebody', volumes: [] },
      );
    });
    rmSync(path.join(opened.lab.directory, 'state'), { recursive: true });
    await opened.withPorts(async (ports) => {
      const found = await reap(ports, APPLY, AbortSignal.timeout(20_000));

      expect(found.map(({ finding, did }) => [finding.kind, did]).sort()).toEqual([
        ['foreign-group', 'kept'],
        ['foreign-group', 'kept'],
        ['orphan-group', 'removed'],
      ]);
    });
    expect(ownGroups(opened)).toEqual([`${free}-targets`, 'snaphook-somebody']);
  });
});
