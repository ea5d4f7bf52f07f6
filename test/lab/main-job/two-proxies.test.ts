import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { composePorts, jobSpec } from '../../../src/cli/compose.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { DEFAULT_LIMITS } from '../../../src/job/job-spec.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import { post } from '../../../src/job/post.ts';
import { ARRAY_ID, PRESENT_GROUP, UNMASKED_POOL } from '../../../src/lab/estate-array.ts';
import { ACCOUNTS } from '../../../src/lab/site-config.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { arrayId } from '../../../src/ports/identity.ts';
import { createPowerMax } from '../../../src/powermax/powermax.ts';
import { openSite, type Site } from './site.ts';

/** On a busy machine the lab's shrunken lease may end before its window does; these tests are not about grades. */
const anyGrade = { spec: { onLowerGrade: 'degrade' } } as const;
const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: Site;
/** Called once when a run of the first proxy has chosen its targets, before it touches anything. */
let whenPlanned: (() => Promise<void>) | undefined;

function compose(configFile: string): JobPorts {
  const ports = composePorts(loadConfig(configFile), silent);
  const images: JobPorts['images'] = {
    ...ports.images,
    async preflight(...request) {
      const meanwhile = whenPlanned;
      whenPlanned = undefined;
      await meanwhile?.();
      return ports.images.preflight(...request);
    },
  };
  // What Unisphere shows late, this lab shows at once: nobody waits 12 s for it.
  const array = createPowerMax({
    arrayId: arrayId(ARRAY_ID),
    servers: site.lab.unisphere.urls.map((url) => ({ url, tls: { ca: readFileSync(site.lab.caFile, 'utf8') } })),
    username: ACCOUNTS.array.name,
    password: async () => ACCOUNTS.array.password,
    clock: systemClock,
    modelLagMs: 300,
  });
  return { ...ports, images, arrays: [array] };
}

// Each test has a site of its own: a proxy keeps to the targets that its sources had before.
beforeEach(async () => {
  site = await openSite({ estate: { disks: 2, cylinders: 6, disksAre: 'rdm' } }, compose);
});
afterEach(async () => {
  whenPlanned = undefined;
  await site.close();
});

/** The configuration of a second proxy: a state directory of its own, the same array, the same pools. */
function secondProxy(): string {
  const file = path.join(site.lab.directory, 'second-proxy.yaml');
  const config = readFileSync(site.lab.configFile, 'utf8');
  writeFileSync(file, config.replace(/stateDirectory: .*/, `stateDirectory: ${site.lab.directory}/second-state`));
  return file;
}
const UNLINK = 'PUT private/snapshot Unlink';
const membersOf = (group: string): readonly string[] =>
  site.lab.unisphere.array(ARRAY_ID).config.storageGroups.find(({ id }) => id === group)?.volumes ?? [];
const linked = () => site.lab.store.devices().flatMap(({ id, isTarget }) => (isTarget ? [id] : []));

/** The post hook of a job on the second proxy. Nothing is left open there. */
async function postOnSecond(configFile: string, job: string): Promise<void> {
  await site.withPorts((ports) => post(ports, jobSpec(loadConfig(configFile), job)), configFile);
  expect(readdirSync(path.join(site.lab.directory, 'second-state/runs/open'))).toEqual([]);
}

test('a target that the other proxy linked first is left to it, and another one is taken', async () => {
  const configFile = secondProxy();
  let others: readonly string[] = [];
  whenPlanned = async () => {
    const { plan } = await site.pre({ configFile, job: 'no-freeze', ...anyGrade });
    others = plan.devices.map(({ target }) => target);
  };

  const first = await site.pre(anyGrade);

  const own = first.plan.devices.map(({ target }) => target);
  const refusals = site.lab.events.events.filter(
    ({ kind, operation, detail }) =>
      kind === 'answer' && operation === 'PUT private/snapshot Link' && detail.status === 500,
  );
  expect(refusals).toHaveLength(1);
  expect(own.filter((target) => others.includes(target))).toEqual([]);
  expect(linked().sort()).toEqual([...own, ...others].sort());
  expect(own.map((target) => site.lab.store.linkOf(target)?.source)).toEqual(
    first.plan.devices.map(({ device }) => device),
  );
  await site.post();
  expect(linked().sort()).toEqual([...others].sort());
  await postOnSecond(configFile, 'no-freeze');
  expect(site.leftBehind()).toEqual([]);
});

test('without another target the run that came second ends, undone as a whole, and the first is as it was', async () => {
  const configFile = secondProxy();
  let others: readonly string[] = [];
  whenPlanned = async () => {
    const { plan } = await site.pre({
      configFile,
      job: 'no-freeze',
      spec: { ...anyGrade.spec, targetPool: UNMASKED_POOL, presentGroup: PRESENT_GROUP },
    });
    others = plan.devices.map(({ target }) => target);
  };

  const error = await site.failingPre({ job: 'presented', ...anyGrade });

  expect(error).toMatchObject({ code: 'E_TARGET_TAKEN', message: expect.stringMatching(/no other is free/) });
  expect(linked().sort()).toEqual([...others].sort());
  expect(others.filter((target) => !membersOf(PRESENT_GROUP).includes(target))).toEqual([]);
  await postOnSecond(configFile, 'no-freeze');
  expect(site.leftBehind()).toEqual([]);
});

test('where its own links are not undone in time, but with the whole run, the run that came second tells who has the targets', async () => {
  const configFile = secondProxy();
  let others: readonly string[] = [];
  whenPlanned = async () => {
    const { plan } = await site.pre({ configFile, job: 'no-freeze', ...anyGrade });
    others = plan.devices.map(({ target }) => target);
  };
  const { faults, events } = site.lab;
  faults.add({ system: 'array', operation: UNLINK, when: 'before', nth: 1, action: { do: 'hang' } });

  const limits = { ...DEFAULT_LIMITS, undoMs: 5000 };
  const error = await site.failingPre({ spec: { ...anyGrade.spec, limits } });

  expect(events.events.filter(({ kind, operation }) => kind === 'fault' && operation === UNLINK)).toHaveLength(1);
  expect(error.code).toBe('E_TARGET_TAKEN');
  expect([...linked()].sort()).toEqual([...others].sort());
  await postOnSecond(configFile, 'no-freeze');
  expect(site.leftBehind()).toEqual([]);
});

test('where groups are linked, the run that came second ends, undone as a whole', async () => {
  const array = site.lab.unisphere.array(ARRAY_ID);
  const usual = array.knobs;
  array.knobs = { ...usual, deviceListSnapVx: 'absent' };
  const configFile = secondProxy();
  let others: readonly string[] = [];
  whenPlanned = async () => {
    const { plan } = await site.pre({ configFile, job: 'no-freeze', ...anyGrade });
    others = plan.devices.map(({ target }) => target);
  };

  const error = await site.failingPre(anyGrade);

  expect(error.code).toBe('E_TARGET_TAKEN');
  expect([...linked()].sort()).toEqual([...others].sort());
  await postOnSecond(configFile, 'no-freeze');
  array.knobs = usual;
  expect(site.leftBehind()).toEqual([]);
});

test('two proxies that present and withdraw targets at once lose no member of the group', async () => {
  const configFile = secondProxy();
  const spec = { ...anyGrade.spec, presentGroup: PRESENT_GROUP };
  const unmasked = { job: 'no-freeze', configFile, spec: { ...spec, targetPool: 'SG-second-pool' } };
  for (const id of ['00E01', '00E02']) site.lab.store.createDevice({ id, cylinders: 6 });
  site.lab.unisphere.array(ARRAY_ID).change(({ storageGroups }) => {
    storageGroups.push({
      id: 'SG-second-pool',
      uuid: '',
      compression: false,
      volumes: ['00E01', '00E02'],
      children: [],
    });
  });
  const before = membersOf(PRESENT_GROUP);

  const [first, second] = await Promise.all([site.pre({ job: 'presented', ...anyGrade }), site.pre(unmasked)]);
  const shown = membersOf(PRESENT_GROUP);
  await Promise.all([site.post('presented'), postOnSecond(configFile, 'no-freeze')]);

  const targets = [first, second].flatMap(({ plan }) => plan.devices.map(({ target }) => target));
  expect([...shown].sort()).toEqual([...before, ...targets].sort());
  expect(membersOf(PRESENT_GROUP)).toEqual(before);
  expect(linked()).toEqual([]);
});
