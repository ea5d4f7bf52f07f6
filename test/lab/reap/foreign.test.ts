import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { plannedManifestOf } from '../../../src/job/manifest.ts';
import { newRunId, snapshotName } from '../../../src/job/names.ts';
import type { Plan } from '../../../src/job/plan.ts';
import { ARRAY_ID, UNMASKED_POOL } from '../../../src/lab/estate-array.ts';
import { installationMark } from '../../../src/platform/installation-mark.ts';
import { arrayId, deviceId, wwn } from '../../../src/ports/identity.ts';
import { jobSpec } from '../../unit/job/job-spec.ts';
import { openSite, type Site } from '../main-job/site.ts';
import { arrayState, crashPre, filesBelow, loseState, reapSite } from './crashed-site.ts';

const DAY_MS = 24 * 3_600_000;
/** Two devices of one size in no pool. */
const [SOURCE, TARGET] = ['00301', '00302'];

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(() => site.close());

const ownMark = (run: ReturnType<typeof newRunId>) =>
  site.withPorts(async (ports) => ports.installation.markOf(run, arrayId(ARRAY_ID)));
const ownName = async (at: Date, random: string) => {
  const run = newRunId(at, random);
  return snapshotName(run, await ownMark(run));
};
const establish = (name: string, device: string, target?: string) => {
  const { store } = site.lab;
  store.establish({ name, devices: [device] });
  if (target === undefined) return;
  store.link({ name, select: { generation: 0 }, pairs: [{ source: device, target }], copy: false });
};
const reasons = async (apply: boolean) => {
  const found = await reapSite(site, { apply, olderThanMs: 0 });
  return Object.fromEntries(
    found.map(({ finding, did, because }) => [
      'name' in finding ? finding.name : finding.kind,
      `${finding.kind} ${did}: ${because}`,
    ]),
  );
};

test('snapshots that only look like ours are told with the reason and keep their links, whatever is applied', async () => {
  const now = new Date();
  const otherRun = newRunId(now, 'other0');
  const names = {
    unlike: 'snaphook-of-somebody',
    old: `snaphook-${newRunId(now, 'old000')}`,
    other: snapshotName(otherRun, installationMark('another proxy', otherRun, ARRAY_ID)),
    late: await ownName(new Date(now.getTime() - 3 * DAY_MS), 'late00'),
    early: await ownName(new Date(now.getTime() + 3 * DAY_MS), 'early0'),
    outside: await ownName(now, 'outsid'),
    twice: await ownName(now, 'twice0'),
  };
  site.lab.store.open(TARGET).write(0, Buffer.from('bytes of somebody'));
  for (const name of [names.unlike, names.old, names.other, names.late, names.early]) establish(name, SOURCE);
  establish(names.outside, SOURCE, TARGET);
  establish(names.twice, SOURCE);
  establish(names.twice, SOURCE);
  establish('nightly', SOURCE);
  await site.lab.linksDefined();
  const before = arrayState(site.lab, [SOURCE, TARGET]);

  for (const apply of [false, true]) {
    expect(await reasons(apply)).toEqual({
      [names.unlike]: expect.stringMatching(/^foreign-snapshot kept: .*not of our form/),
      [names.old]: expect.stringMatching(/^foreign-snapshot kept: .*no installation mark/),
      [names.other]: expect.stringMatching(/^foreign-snapshot kept: .*not of this installation/),
      [names.late]: expect.stringMatching(/^foreign-snapshot kept: the array made it at/),
      [names.early]: expect.stringMatching(/^foreign-snapshot kept: the array made it at/),
      [names.outside]: expect.stringMatching(/^foreign-snapshot kept: it is linked to target "00302"/),
      [names.twice]: expect.stringMatching(/^foreign-snapshot kept: several snapshots/),
    });
    expect(arrayState(site.lab, [SOURCE, TARGET])).toEqual(before);
  }
});

test('an installation of another name leaves ours alone, and ours is removed under its own', async () => {
  await crashPre(site.lab, 'nightly', { operation: 'PUT private/snapshot Link', when: 'after' });
  loseState(site.lab);
  const { configFile } = site.lab;
  const text = readFileSync(configFile, 'utf8');
  const before = arrayState(site.lab);

  writeFileSync(configFile, `${text}installation: another\n`);
  expect(Object.values(await reasons(true))).toEqual([expect.stringMatching(/^foreign-snapshot kept/)]);
  expect(arrayState(site.lab)).toEqual(before);

  writeFileSync(configFile, text);
  expect(Object.values(await reasons(true))).toEqual([expect.stringMatching(/^orphan-snapshot removed/)]);
  expect(site.lab.store.devices().filter((device) => device.isSource || device.isTarget)).toEqual([]);
});

test('a target that now shows a snapshot of somebody else stays presented and linked when its run is undone', async () => {
  const { plan, capture } = await site.pre({ job: 'presented' });
  const [first, second] = plan.devices;
  if (!first || !second) throw new Error('the job has two devices');
  const { store } = site.lab;
  await site.lab.linksDefined();
  store.unlink({
    name: plan.snapshotName,
    select: { snapId: capture.snapId ?? -1 },
    pairs: [{ source: first.device, target: first.target }],
    symforce: true,
  });
  establish('nightly', first.device, first.target);
  await site.lab.linksDefined();
  const linkBefore = store.linkOf(first.target);

  await site.post('presented');

  expect(store.linkOf(first.target)).toEqual(linkBefore);
  expect(site.lab.changedMembers()).toEqual([`SG-proxy-presented/${first.target}`]);
  expect(store.linkOf(second.target)).toBeUndefined();
  expect(store.snapshots(first.device).map(({ name }) => name)).toEqual(['nightly']);
  expect(plan.spec.targetPool).toBe(UNMASKED_POOL);
});

describe('hand-over directories', () => {
  const directory = () => path.join(site.lab.directory, 'export/datastore');
  const manifest = (run: ReturnType<typeof newRunId>, mark: string, paths: readonly string[]): string => {
    const devices = paths.map((imagePath) => ({
      device: deviceId('00201'),
      wwn: wwn('0'.repeat(32)),
      holds: 'disk' as const,
      target: deviceId('00601'),
      targetWwn: wwn('0'.repeat(32)),
      presentNeeded: false,
      imagePath,
      imageBytes: 4,
    }));
    // The manifest is made of these fields alone.
    const plan = {
      runId: run,
      arrayId: arrayId(ARRAY_ID),
      snapshotName: snapshotName(run, mark),
      spec: jobSpec(),
      vms: [],
      devices,
    } as unknown as Plan;
    return plannedManifestOf(plan);
  };
  const put = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(directory(), name)), { recursive: true });
    writeFileSync(path.join(directory(), name), text);
  };

  test.each([
    ['of another installation', 0, 'm4rk00', ['vm/a.raw'], /not of this installation/],
    ['copied back long after its run', -3 * DAY_MS, undefined, ['vm/a.raw'], /the file system made it at/],
    ['that leads out of its directory', 0, undefined, ['../../snaphook.yaml'], /cannot be read/],
  ])('a manifest %s keeps its files', async (_, shiftMs, foreignMark, paths, reason) => {
    const run = newRunId(new Date(Date.now() + shiftMs), 'export');
    put('snaphook-manifest.json', manifest(run, foreignMark ?? (await ownMark(run)), paths));
    put('vm/a.raw', 'four');
    const before = filesBelow(site.lab, 'export');

    for (const apply of [false, true]) {
      expect(await reasons(apply)).toEqual({
        'foreign-export': expect.stringMatching(reason),
      });
    }
    expect(filesBelow(site.lab, 'export')).toEqual(before);
  });

  test('of ours only the listed files go, with their size, and never through a link', async () => {
    const run = newRunId(new Date(), 'export');
    const outside = path.join(site.lab.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'c.raw'), 'four');
    put('vm/a.raw', 'four');
    put('vm/b.raw', 'not four bytes any more');
    put('vm/not-listed.raw', 'four');
    symlinkSync(outside, path.join(directory(), 'linked'));
    put('snaphook-manifest.json.partial', manifest(run, await ownMark(run), ['vm/a.raw', 'vm/b.raw', 'linked/c.raw']));

    expect(await reasons(true)).toEqual({ 'orphan-export': expect.stringMatching(/^orphan-export removed/) });

    expect(filesBelow(site.lab, 'export')).toEqual({
      'datastore/vm/b.raw': 'not four bytes any more',
      'datastore/vm/not-listed.raw': 'four',
    });
    expect(readFileSync(path.join(outside, 'c.raw'), 'utf8')).toBe('four');
  });
});

test('files of a closed run that somebody copied back are left alone', async () => {
  const { directory } = await site.pre();
  const kept = filesBelow(site.lab, 'export');
  await site.post();
  for (const [name, text] of Object.entries(kept)) {
    const file = path.join(site.lab.directory, 'export', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, 'latin1');
  }
  const before = filesBelow(site.lab, 'export');
  expect(Object.keys(before).length).toBeGreaterThan(1);

  expect(await reasons(true)).toEqual({ 'foreign-export': expect.stringMatching(/closed on this machine/) });

  expect(filesBelow(site.lab, 'export')).toEqual(before);
  expect(directory).toContain('nightly');
});

test('an image that the admin restored stays when an older state directory comes back', async () => {
  const state = path.join(site.lab.directory, 'state');
  const { plan, directory } = await site.pre();
  cpSync(state, `${state}-copy`, { recursive: true });
  await site.post();
  rmSync(state, { recursive: true });
  cpSync(`${state}-copy`, state, { recursive: true });
  const [{ imagePath, imageBytes } = { imagePath: '', imageBytes: 0 }] = plan.devices;
  const image = path.join(directory, imagePath);
  mkdirSync(path.dirname(image), { recursive: true });
  writeFileSync(image, Buffer.alloc(imageBytes, 7));

  expect(await site.failingPre({ spec: { onOpenRun: 'replace' } })).toMatchObject({ code: 'E_EXPORT' });
  expect(readFileSync(image).equals(Buffer.alloc(imageBytes, 7))).toBe(true);
});
