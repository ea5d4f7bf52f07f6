import { randomBytes } from 'node:crypto';
import { jobSpec } from '../../../src/cli/compose.ts';
import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { newRunId } from '../../../src/job/names.ts';
import { previewPlan } from '../../../src/job/planner.ts';
import { status } from '../../../src/job/status.ts';
import type { LabOptions } from '../../../src/lab/lab.ts';
import { openSite, type Site } from './site.ts';

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const signal = new AbortController().signal;
const sites: Site[] = [];
afterAll(async () => {
  for (const site of sites) await site.close();
});

async function open(vvolSnapVx: 'accepted' | 'refused', arrayKnobs: LabOptions['arrayKnobs'] = {}): Promise<Site> {
  const site = await openSite({ estate: { disks: 2, cylinders: 6, disksAre: 'vvol' }, vvolSnapVx, arrayKnobs });
  sites.push(site);
  return site;
}

const doctor = (site: Site, probe?: string) =>
  doctorVerb({ configFile: site.lab.configFile, job: 'nightly', probe }, silent, signal).then(({ text }) => text);

const routeOf = (site: Site, job: string) =>
  site.withPorts(async (ports) => {
    const context = { job, integration: 'test', instance: undefined, productRunId: undefined, level: undefined };
    const runId = newRunId(ports.clock.now(), randomBytes(3).toString('hex'));
    const plan = await previewPlan(
      ports,
      { runId, spec: jobSpec(loadConfig(site.lab.configFile), job), context },
      signal,
    );
    return plan.route;
  });

test('an array that refuses is asked once with one vVol, the answer decides the route of jobs from then on, and nothing is left', async () => {
  const site = await open('refused');
  expect(await routeOf(site, 'nightly')).toMatchObject({
    name: 'snapvx',
    because: expect.stringMatching(/never asked/),
  });
  expect(await doctor(site)).toContain('never asked');
  const text = await doctor(site, 'sql01');

  expect(text).toMatch(/vVols: refused a SnapVX snapshot/);
  expect(site.leftBehind()).toEqual([]);
  expect(await routeOf(site, 'nightly')).toMatchObject({ name: 'managed', because: expect.stringMatching(/refused/) });
  const { plan, capture } = await site.pre();
  expect(plan.route.name).toBe('managed');
  expect(capture.vms[0]?.grade).toBe('application');
  await site.post();
  expect(site.leftBehind()).toEqual([]);
});

test('an array that accepts loses the snapshot at once, without a freeze, and jobs stay on the route snapvx', async () => {
  const site = await open('accepted');
  expect(await doctor(site, 'sql01')).toMatch(/vVols: took a SnapVX snapshot/);

  const effects = site.lab.events.events.filter(({ kind, system }) => kind === 'effect' && system === 'array');
  const [establish, terminate] = effects.filter(({ operation }) => /^(establish|terminate)$/.test(operation));
  expect([establish?.operation, terminate?.operation]).toEqual(['establish', 'terminate']);
  expect(
    site.lab.events.events.some(({ system, operation }) => /guest/.test(system) && /freeze/i.test(operation)),
  ).toBe(false);
  expect(site.leftBehind()).toEqual([]);
  expect(await site.withPorts((ports) => status(ports, 10))).toMatchObject([{ state: 'closed', outcome: 'probed' }]);
  expect(await routeOf(site, 'nightly')).toMatchObject({ name: 'snapvx', because: expect.stringMatching(/took/) });
});

test('a snapshot whose answer was lost is found, counts as taken, and is removed', async () => {
  const site = await open('accepted');
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'after',
    nth: 1,
    action: { do: 'drop' },
  });
  const text = await doctor(site, 'sql01');
  expect(text).toMatch(/vVols: took a SnapVX snapshot/);
  expect(site.leftBehind()).toEqual([]);
});

test('an array that takes snapshots by storage group is asked with a group, and refuses by what it says to that', async () => {
  const site = await open('accepted', { deviceListSnapVx: 'absent' });
  expect(await doctor(site, 'sql01')).toMatch(/vVols: refused a SnapVX snapshot.*storage group/);
  expect(site.leftBehind()).toEqual([]);
  expect(await routeOf(site, 'nightly')).toMatchObject({ name: 'managed' });
});

test('a VM without vVols cannot be asked with', async () => {
  const site = sites[0] ?? (await open('refused'));
  expect(await doctor(site, 'web01')).toMatch(/FAIL\s+probe web01.*no vVol/);
});
