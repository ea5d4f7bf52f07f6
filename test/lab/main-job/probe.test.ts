import { randomBytes } from 'node:crypto';
import { jobSpec } from '../../../src/cli/compose.ts';
import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { newRunId } from '../../../src/job/names.ts';
import { previewPlan } from '../../../src/job/planner.ts';
import { probeVvol } from '../../../src/job/probe.ts';
import { status } from '../../../src/job/status.ts';
import { ARRAY_ID } from '../../../src/lab/estate-array.ts';
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

/** As `doctor --probe sql01` does it, but an establish whose outcome is not known can show up only this long. */
const ask = (site: Site) =>
  site.withPorts((ports) => {
    const spec = jobSpec(loadConfig(site.lab.configFile), 'nightly');
    const context = {
      job: 'probe',
      integration: 'test',
      instance: undefined,
      productRunId: undefined,
      level: undefined,
    };
    const limits = { ...spec.limits, settleMs: 100 };
    return probeVvol(ports, { ...spec, name: 'probe', freeze: 'none', limits }, context, signal);
  });

const recalled = (site: Site) =>
  site.withPorts(async (ports) => {
    const [array] = ports.arrays;
    return array && ports.vvolAnswers.recall(await array.facts(signal));
  });

test('a refusal in words that nobody knows is the answer once no snapshot showed up', async () => {
  const site = sites[0] ?? (await open('refused'));
  const array = site.lab.unisphere.array(ARRAY_ID);
  array.knobs = { ...array.knobs, vvolRefusalText: 'The device is not a valid type for this operation' };

  const answer = await ask(site);
  expect(answer).toMatchObject({ takesSnapVx: false, words: expect.stringContaining('not a valid type') });
  expect(await recalled(site)).toEqual(answer);
  expect(site.leftBehind()).toEqual([]);
});

test('what is refused for another reason than the vVol is told and not remembered', async () => {
  const site = sites[1] ?? (await open('accepted'));
  const before = await recalled(site);
  const answering = (operation: string, status: number, body: object) =>
    site.lab.faults.add({
      system: 'array',
      operation,
      when: 'before',
      nth: 1,
      action: { do: 'answer', status, body: JSON.stringify(body) },
    });
  const establish = 'POST private/snapshot';

  answering(establish, 400, { message: 'The SnapVX feature is not licensed on this array' });
  await expect(ask(site)).rejects.toMatchObject({ code: 'E_ARRAY_REFUSED', hint: expect.stringContaining('licence') });
  answering(establish, 409, { message: 'The requested snapshot resource already exists' });
  await expect(ask(site)).rejects.toMatchObject({ code: 'E_ARRAY_REFUSED' });
  const sent = () => site.lab.events.events.filter(({ operation }) => operation === establish).length;
  const sentBefore = sent();
  answering('GET replication/capabilities', 200, {
    symmetrixCapability: [{ symmetrixId: ARRAY_ID, snapVxCapable: false }],
  });
  await expect(ask(site)).rejects.toMatchObject({ message: expect.stringContaining('not licensed for SnapVX') });
  expect(sent()).toBe(sentBefore);

  expect(await recalled(site)).toEqual(before);
  expect(site.leftBehind()).toEqual([]);
});

test('a storage group that is refused for another reason is no answer, and one of groups says nothing about device lists', async () => {
  const site = sites[3] ?? (await open('accepted', { deviceListSnapVx: 'absent' }));
  const before = await recalled(site);
  const body = JSON.stringify({ message: 'The storage group is used by something' });
  site.lab.faults.add({
    system: 'array',
    operation: 'PUT storagegroup',
    when: 'before',
    nth: 1,
    action: { do: 'answer', status: 400, body },
  });
  await expect(ask(site)).rejects.toMatchObject({ code: 'E_ARRAY_REFUSED' });
  expect(await recalled(site)).toEqual(before);

  const array = site.lab.unisphere.array(ARRAY_ID);
  array.knobs = { ...array.knobs, deviceListSnapVx: 'served' };
  expect(await routeOf(site, 'nightly')).toMatchObject({
    name: 'snapvx',
    because: expect.stringMatching(/never asked/),
  });
  expect(site.leftBehind()).toEqual([]);
});

test('a VM without vVols cannot be asked with', async () => {
  const site = sites[0] ?? (await open('refused'));
  expect(await doctor(site, 'web01')).toMatch(/FAIL\s+probe web01.*no vVol/);
});
