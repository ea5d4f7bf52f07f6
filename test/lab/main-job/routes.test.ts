import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ARRAY_ID, PRESENT_GROUP } from '../../../src/lab/estate-array.ts';
import { treeHashOf } from '../../tree-hash-of.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite({ estate: { disks: 4, cylinders: 6 } });
});
afterAll(() => site.close());
afterEach(() => {
  expect(site.leftBehind()).toEqual([]);
});

const presented = () =>
  site.lab.unisphere.array(ARRAY_ID).config.storageGroups.find(({ id }) => id === PRESENT_GROUP)?.volumes;

test('vVols accepted: vVol and RDM disks of one VM are captured together, and every image holds the bytes of its snapshot', async () => {
  const { plan, files, directory, capture } = await site.pre();

  expect(new Set(plan.vms[0]?.disks.map(({ storage }) => storage))).toEqual(new Set(['vvol', 'rdm']));
  for (const file of files) {
    const device = plan.devices.find(({ imagePath }) => imagePath === file.path)?.device ?? '';
    const snapshot = site.lab.store.readSnapshot(device, capture.snapId ?? -1).read(0, file.sizeBytes);
    expect(file.contentHash).toEqual(treeHashOf(snapshot));
    expect(readFileSync(path.join(directory, file.path)).equals(snapshot)).toBe(true);
  }
  await site.post();
});

test('targets that are not masked are presented for the length of the run only', async () => {
  const { plan } = await site.pre({ job: 'presented' });
  const targets = plan.devices.map(({ target }) => target);

  expect(presented()).toEqual(expect.arrayContaining(targets));
  await site.post('presented');
  expect(presented()).toEqual(['00701']);
});

test('a VMFS datastore is handed over as images of its devices, and the plan names the VMs that come with it', async () => {
  const { plan, files, capture } = await site.pre({ job: 'datastore' });

  expect(plan.devices.map(({ device, holds }) => [device, holds])).toEqual([
    ['00201', 'datastore'],
    ['00202', 'datastore'],
  ]);
  expect(files.map((file) => file.path)).toEqual(['datastore-vmfs-ds01/00201.raw', 'datastore-vmfs-ds01/00202.raw']);
  const beside = plan.collateral[0]?.vms ?? [];
  expect(beside.map(({ name }) => name)).toEqual(expect.arrayContaining(['app02', 'sql01', 'template01']));
  expect(beside.find(({ name }) => name === 'app02')).toMatchObject({
    state: 'not-prepared',
    bytes: expect.any(Number),
  });
  expect(beside.find(({ name }) => name === 'template01')).toMatchObject({ state: 'powered-off' });
  expect(capture.vms[0]).toMatchObject({ grade: 'crash', reasons: ['the guest was not frozen'] });
  await site.post('datastore');
});

test('vVols refused: an array that refuses snapshots of vVols fails the run with its own words and a hint, the guest writes again', async () => {
  const refusing = await openSite({ vvolSnapVx: 'refused' });
  try {
    const error = await refusing.failingPre();

    expect(error).toMatchObject({ code: 'E_ARRAY_VVOL', hint: expect.stringMatching(/vVol/) });
    expect(refusing.leftBehind()).toEqual([]);
  } finally {
    await refusing.close();
  }
});

test.each([
  ['9.2', 'V3'],
  ['10.0', 'V3'],
  // The first with the enhanced lists.
  ['10.1', 'V3'],
  ['10.2', 'V4'],
  ['10.3', 'V4'],
  ['10.4', 'V4'],
] as const)('the same job works with Unisphere %s and a %s array', async (unisphereVersion, generation) => {
  const other = await openSite({ unisphereVersion, generation });
  try {
    const { capture } = await other.pre();
    await other.post();

    expect(capture.vms.map(({ grade }) => grade)).toEqual(['application']);
    expect(other.leftBehind()).toEqual([]);
  } finally {
    await other.close();
  }
});

test.each([
  // The lab defines in 3 s at this pace, longer than the images take.
  ['V3: a target that is still being defined is waited for, and unlinked then', 'V3', 1.5, [500, 200]],
  ['V4: targets are never defined, and unlinked at once', 'V4', 0.05, [200]],
] as const)('%s', async (_, generation, pace, statuses) => {
  const other = await openSite({ generation, pace });
  try {
    const { plan } = await other.pre({ job: 'no-freeze' });
    const links = plan.devices.flatMap(({ device }) => other.lab.store.snapshots(device)).flatMap(({ links }) => links);
    await other.post('no-freeze');

    expect(links.map(({ defined }) => defined)).toEqual(plan.devices.map(() => false));
    const answers = other.lab.events.events.filter(
      ({ kind, operation }) => kind === 'answer' && operation === 'PUT private/snapshot Unlink',
    );
    expect(answers.map(({ detail }) => detail.status)).toEqual(statuses);
    expect(other.leftBehind()).toEqual([]);
  } finally {
    await other.close();
  }
});

test('two jobs of one VM at once never use the same target', async () => {
  const [one, other] = await Promise.all([site.pre(), site.pre({ job: 'no-freeze' })]);
  const targets = [one, other].flatMap(({ plan }) => plan.devices.map(({ target }) => target));

  expect(new Set(targets).size).toBe(targets.length);
  await Promise.all([site.post(), site.post('no-freeze')]);
});
