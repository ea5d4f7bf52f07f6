import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { planVerb } from '../../../src/cli/plan-verb.ts';
import { DEFAULT_LIMITS } from '../../../src/job/job-spec.ts';
import { ARRAY_ID, PRESENT_GROUP } from '../../../src/lab/estate-array.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { openSite, type Site } from './site.ts';

/** On a busy machine the lab's shrunken lease may end before its window does; these tests are not about grades. */
const anyGrade = { onLowerGrade: 'degrade' } as const;
const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const EMPTY_POOL = 'SG-spare';
const growing = {
  ...anyGrade,
  targetPool: EMPTY_POOL,
  presentGroup: PRESENT_GROUP,
  createTargets: { maxPoolDevices: 2 },
  limits: { ...DEFAULT_LIMITS, settleMs: 300 },
};

let site: Site;
beforeAll(async () => {
  site = await openSite({
    generation: 'V4',
    estate: { disks: 2, cylinders: 6, proxyProtocol: 'NVMe_TCP', mobileTargets: true },
    arrayKnobs: { newDeviceLagMs: 20_000, lunAddressLagMs: 20_000 },
  });
});
afterEach(() => site.lab.faults.clear());
afterAll(() => site.close());

const membersOf = (group: string): readonly string[] =>
  site.lab.unisphere.array(ARRAY_ID).config.storageGroups.find(({ id }) => id === group)?.volumes ?? [];
const requests = (operation: string) =>
  site.lab.events.events.filter((event) => event.kind === 'request' && event.operation === operation).length;

test('targets with mobility ids are read as NVMe namespaces, and a source has the same target in the next run', async () => {
  const { store } = site.lab;
  // The first targets are in somebody else's hands, so that the run takes others.
  store.createDevice({ id: '00FF1', cylinders: 6 });
  store.establish({ name: 'other', devices: ['00FF1'] });
  const other = { name: 'other', select: { generation: 0 } } as const;
  store.link({ ...other, pairs: [{ source: '00FF1', target: '00501' }], copy: false });

  const first = await site.pre({ spec: anyGrade });
  const nodes = readdirSync(path.join(site.lab.directory, 'proxy', 'by-id'));
  await site.post();
  store.unlink({ ...other, pairs: [{ source: '00FF1', target: '00501' }], symforce: true });
  store.terminate({ ...other, devices: ['00FF1'] });
  store.deleteDevice('00FF1');
  // A run that had no target says nothing about them.
  await site.failingPre({ vms: ['nobody'] });
  const second = await site.pre({ spec: anyGrade });
  await site.post();

  const pairs = ({ plan }: typeof first) => plan.devices.map(({ device, target }) => [device, target]);
  expect(nodes.length).toBeGreaterThan(0);
  expect(nodes.filter((name) => !name.startsWith('nvme-eui.'))).toEqual([]);
  expect(first.plan.devices.map(({ targetWwn }) => targetWwn.slice(0, 10))).toEqual(['600009700b', '600009700b']);
  expect(pairs(first).flat()).not.toContain('00501');
  expect(pairs(second)).toEqual(pairs(first));
  expect(site.leftBehind()).toEqual([]);
});

describe('a pool without targets', () => {
  test('a dry run tells what would be made, and makes nothing', async () => {
    const configFile = `${site.lab.configFile}.growing.yaml`;
    const config = readFileSync(site.lab.configFile, 'utf8');
    writeFileSync(
      configFile,
      config.replace(
        'targetPool: SG-snaphook-unmasked',
        `targetPool: ${EMPTY_POOL}\n    createTargets: { maxPoolDevices: 2 }`,
      ),
    );

    const { text, document } = await planVerb(
      { configFile, job: 'presented', vms: [] },
      silent,
      AbortSignal.timeout(30_000),
    );

    expect(text).toMatch(/a run would create 2 target\(s\) of 6 cylinders in pool SG-spare/);
    expect(document).toMatchObject({ ok: true, targetsToCreate: [{ cylinders: 6, emulation: 'FBA', count: 2 }] });
    expect(membersOf(EMPTY_POOL)).toEqual([]);
  });

  test('gets no more than the job allows: then the run ends before any guest is touched', async () => {
    const error = await site.failingPre({ spec: { ...growing, createTargets: { maxPoolDevices: 1 } } });

    expect(error).toMatchObject({ code: 'E_TARGET_NONE', message: expect.stringContaining('createTargets allows 1') });
    expect(membersOf(EMPTY_POOL)).toEqual([]);
  });

  test('gets them before the freeze, once although the answer is lost, and keeps them for later runs', async () => {
    site.lab.faults.add({
      system: 'array',
      operation: 'PUT storagegroup',
      nth: 1,
      when: 'after',
      action: { do: 'answer', status: 503, body: 'Service Unavailable' },
    });
    const before = site.lab.events.events.length;

    const first = await site.pre({ spec: growing });
    const made = [...membersOf(EMPTY_POOL)];
    const happened = site.lab.events.events.slice(before);
    await site.post();
    const puts = requests('PUT storagegroup');
    const second = await site.pre({ spec: growing });
    await site.post();

    expect(made).toHaveLength(2);
    expect(first.plan.devices.map(({ target }) => target).sort()).toEqual([...made].sort());
    expect(second.plan.devices.map(({ target }) => target)).toEqual(first.plan.devices.map(({ target }) => target));
    const at = (operation: string) => happened.findIndex((event) => event.operation === operation);
    expect(at('create-device')).toBeLessThan(at('establish'));
    // Into the presented group and out of it: nothing more was made.
    expect(requests('PUT storagegroup') - puts).toBe(2);
    expect([...site.leftBehind()].sort()).toEqual(
      made.map((device) => `storage group member ${EMPTY_POOL}/${device}`).sort(),
    );
  });

  test('that were being made when a run was called off are no leftover, and serve the next run', async () => {
    const targetPool = 'SG-called-off';
    site.lab.unisphere.array(ARRAY_ID).change(({ storageGroups }) => {
      storageGroups.push({ id: targetPool, uuid: '', compression: false, volumes: [], children: [] });
    });
    const abort = new AbortController();
    const fault = { system: 'array', operation: 'PUT storagegroup', when: 'before', nth: 1 } as const;
    const run = () => abort.abort(new SnaphookError('E_INTERRUPTED', 'interrupted by SIGTERM', { effect: 'unknown' }));
    site.lab.faults.add({ ...fault, action: { do: 'call', run } });
    const spec = { ...growing, targetPool };

    const error = await site.failingPre({ spec, signal: abort.signal });
    while (membersOf(targetPool).length < 2) await site.lab.pause(10);
    const made = [...membersOf(targetPool)];
    const { plan } = await site.pre({ spec });
    await site.post();

    expect(error.code).toBe('E_INTERRUPTED');
    expect(plan.devices.map(({ target }) => target).sort()).toEqual([...made].sort());
    expect(membersOf(targetPool)).toEqual(made);
    expect(site.leftBehind().filter((left) => !/SG-(spare|called-off)/.test(left))).toEqual([]);
  });
});
