import type { FaultRule } from '../../src/lab/world/faults.ts';
import type { DeviceId } from '../../src/ports/identity.ts';
import {
  type LabArrayOptions,
  type LabArrayWorld,
  openLabArray,
  POOL,
  SOURCES,
  TARGETS,
  VVOL,
  wwnOf,
} from './lab-array-world.ts';

const NAME = 'sh-m2k4q7ab-x9w2zt';
const soon = () => AbortSignal.timeout(10_000);
const devices = SOURCES.slice(0, 3);
const pairs = devices.map((source, index) => ({ source, target: TARGETS[index] ?? source }));
const bodyOf = (message: string) => JSON.stringify({ message });

let world: LabArrayWorld | undefined;
const start = async (options: Partial<LabArrayOptions> = {}) => {
  world = await openLabArray({ version: '10.3', generation: 'V3', ...options });
  return world;
};
afterEach(async () => {
  await world?.close();
  world = undefined;
});

interface Subject {
  readonly operation: string;
  /** Makes what is to be undone, and tells how. */
  prepare(world: LabArrayWorld): Promise<() => Promise<void>>;
  isDone(world: LabArrayWorld): boolean;
}

const isSource = ({ lab }: LabArrayWorld, device: DeviceId) => lab.store.snapshots(device).length > 0;
const establish = async ({ array }: LabArrayWorld) => {
  await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
  return (await array.findSnapshots({ name: NAME, devices }, soon()))[0]?.snapId;
};
const group = { storageGroup: 'presented', devices };

const SUBJECTS: Readonly<Record<string, Subject>> = {
  unlink: {
    operation: 'PUT private/snapshot Unlink',
    async prepare(opened) {
      const snapId = await establish(opened);
      await opened.array.link({ name: NAME, snapId, pairs }, soon());
      return () => opened.later().unlink({ name: NAME, snapId, pairs, force: true }, soon());
    },
    isDone: ({ lab }) => pairs.every(({ target }) => lab.device(target)?.isTarget === false),
  },
  terminate: {
    operation: 'DELETE private/snapshot',
    async prepare(opened) {
      const snapId = await establish(opened);
      return () => opened.later().terminate({ name: NAME, snapId, devices }, soon());
    },
    isDone: (opened) => !devices.some((device) => isSource(opened, device)),
  },
  'adding to a group': {
    operation: 'PUT storagegroup',
    prepare: async (opened) => () => opened.array.addToStorageGroup(group, soon()),
    isDone: ({ membersOf }) => devices.every((device) => membersOf(group.storageGroup).includes(device)),
  },
  'removing from a group': {
    operation: 'PUT storagegroup',
    async prepare(opened) {
      await opened.array.addToStorageGroup(group, soon());
      return () => opened.array.removeFromStorageGroup(group, soon());
    },
    isDone: ({ membersOf }) => membersOf(group.storageGroup).length === 0,
  },
};

const FAULTS: Readonly<Record<string, Pick<FaultRule, 'when' | 'action'>>> = {
  'a 503 before the effect': { when: 'before', action: { do: 'answer', status: 503, body: 'Service Unavailable' } },
  'a 503 after the effect': { when: 'after', action: { do: 'answer', status: 503, body: 'Service Unavailable' } },
  'a lock': {
    when: 'before',
    action: { do: 'answer', status: 500, body: bodyOf('Unable to acquire the Symmetrix device lock') },
  },
  'a connection cut before the effect': { when: 'before', action: { do: 'drop' } },
  'a connection cut after the effect': { when: 'after', action: { do: 'drop' } },
  'a request that is never answered': { when: 'before', action: { do: 'hang' } },
};

describe.each(Object.entries(SUBJECTS))('%s', (_subject, { operation, prepare, isDone }) => {
  test.each(Object.entries(FAULTS))('passes through %s', async (_fault, fault) => {
    const opened = await start({ requestTimeoutMs: { read: 5_000, write: 500 } });
    const undo = await prepare(opened);
    opened.faults.add({ system: 'array', operation, nth: 1, ...fault });

    await undo();

    expect(isDone(opened)).toBe(true);
    expect(opened.events.events.filter(({ kind }) => kind === 'fault')).toHaveLength(1);
  });
});

test('an addition that was sent again is over only when the lost one can have no effect any more', async () => {
  const latestEffectMs = 300;
  const opened = await start({ latestEffectMs });
  opened.faults.add({ system: 'array', operation: 'PUT storagegroup', nth: 1, when: 'before', action: { do: 'drop' } });
  const startedMs = performance.now();

  await opened.array.addToStorageGroup(group, soon());

  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(latestEffectMs);
});

test('an addition that is refused after a lost answer may have happened all the same', async () => {
  const { array, faults } = await start();
  faults.add({ system: 'array', operation: 'PUT storagegroup', nth: 1, when: 'before', action: { do: 'drop' } });
  const refusal = { status: 500, body: bodyOf('It is refused for a reason of its own') };
  faults.add({
    system: 'array',
    operation: 'PUT storagegroup',
    nth: 2,
    when: 'before',
    action: { do: 'answer', ...refusal },
  });

  await expect(array.addToStorageGroup(group, soon())).rejects.toMatchObject({ effect: 'unknown' });
});

test.each([
  ['503', { status: 503, body: '' }, 'E_ARRAY_BUSY'],
  ['401', { status: 401, body: '' }, 'E_ARRAY_LOGIN'],
  ['403', { status: 403, body: '' }, 'E_ARRAY_RIGHTS'],
  ['a limit', { status: 500, body: bodyOf('The maximum number of sessions has been exceeded') }, 'E_ARRAY_LIMIT'],
])('%s is no reason to doubt the vVol in the list', async (_what, answer, code) => {
  const { array, faults } = await start({ knobs: { vvolSnapVx: 'accepted' } });
  await array.inventory({ identities: [`naa.${VVOL.wwn}`], pool: POOL }, soon());
  faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    action: { do: 'answer', ...answer },
  });

  await expect(
    array.establish({ name: NAME, devices: [VVOL.device], timeToLiveHours: 2 }, soon()),
  ).rejects.toMatchObject({ code, hint: expect.not.stringContaining('managed') });
});

describe.each([400, 404, 500])('where bulk lists are refused with %i', (status) => {
  const refuseBulk = ({ faults }: LabArrayWorld) =>
    faults.add({
      system: 'array',
      operation: 'GET v1/volumes',
      when: 'before',
      action: { do: 'answer', status, body: bodyOf('The filter is not valid') },
    });
  const bulkLists = ({ operationsSince }: LabArrayWorld) =>
    operationsSince(0).filter((operation) => operation === 'GET v1/volumes').length;

  test('snapshots are found device by device, and the refusal is remembered', async () => {
    const opened = await start();
    refuseBulk(opened);
    await opened.array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
    const find = () => opened.array.findSnapshots({ name: NAME, devices }, soon());

    expect((await find()).map(({ source }) => source)).toEqual(devices);
    expect((await find()).map(({ source }) => source)).toEqual(devices);
    expect(bulkLists(opened)).toBe(1);
  });

  test('snapshots are listed all the same, and the refusal is remembered', async () => {
    const opened = await start();
    const snapId = await establish(opened);
    await opened.array.link({ name: NAME, snapId, pairs: pairs.slice(0, 1) }, soon());
    refuseBulk(opened);
    const later = opened.later();
    const before = bulkLists(opened);

    const listed = await later.listSnapshots({ namePrefix: 'sh-' }, soon());
    await later.listSnapshots({ namePrefix: 'sh-' }, soon());

    expect(
      listed.map(({ source, linkedTargets }) => [source, linkedTargets.map(({ target }) => target)]).sort(),
    ).toEqual(devices.map((device, index) => [device, index === 0 ? [TARGETS[0]] : []]));
    expect(bulkLists(opened) - before).toBe(1);
  });

  test('devices are read one by one', async () => {
    const opened = await start();
    refuseBulk(opened);

    const identities = devices.map((device) => `naa.${wwnOf(device)}`);
    const { sources, pool } = await opened.array.inventory({ identities, pool: POOL }, soon());

    expect(sources.flat().map(({ id }) => id)).toEqual(devices);
    expect(pool).toHaveLength(4);
  });
});

describe.each(['9.2', '10.0', '10.3'] as const)('behind Unisphere %s', (version) => {
  test('a target shows every host of a host group that sees it', async () => {
    const { array, lab, operationsSince } = await start({ version });
    lab.change((config) => {
      config.hostGroups.push({ id: 'backup-hosts', hosts: ['proxy01', 'esx01'], consistentLun: false });
      for (const view of config.maskingViews.filter(({ id }) => id === 'mv-proxy')) {
        delete view.host;
        view.hostGroup = 'backup-hosts';
      }
    });

    const { pool } = await array.inventory({ identities: [], pool: POOL }, soon());

    expect(pool).toHaveLength(4);
    for (const { maskingViews } of pool) {
      expect([...maskingViews].sort((one, other) => ((one.host ?? '') < (other.host ?? '') ? -1 : 1))).toEqual([
        { id: 'mv-proxy', host: 'esx01' },
        { id: 'mv-proxy', host: 'proxy01' },
      ]);
    }
    expect(operationsSince(0).filter((operation) => operation === 'GET hostgroup').length).toBeLessThanOrEqual(1);
  });

  test('a vVol that no volume list shows is found where vVols are kept, others are not', async () => {
    const { array, faults } = await start({ version });
    const none = {
      do: 'answer',
      status: 200,
      body: JSON.stringify({ volumes: [], resultList: { result: [] } }),
    } as const;
    faults.add({ system: 'array', operation: 'GET v1/volumes', when: 'before', action: none });
    faults.add({ system: 'array', operation: 'GET volume', object: '', when: 'before', action: none });
    const identities = [VVOL.wwn, `naa.${VVOL.wwn}`, VVOL.wwn.replace(/.$/, 'f')];

    const { sources } = await array.inventory({ identities, pool: POOL }, soon());

    expect(sources.map((found) => found.map(({ id }) => id))).toEqual([[VVOL.device], [VVOL.device], []]);
  });

  test('nothing else is taken for a vVol where the filter of vVols is ignored', async () => {
    const { array, faults } = await start({ version });
    const unfiltered = JSON.stringify({ volumeId: [SOURCES[0], VVOL.device] });
    const answer = { do: 'answer', status: 200, body: unfiltered } as const;
    faults.add({ system: 'array', operation: 'GET vvol/volume', object: 'SC1-res', when: 'before', action: answer });

    const { sources } = await array.inventory({ identities: [VVOL.wwn.replace(/.$/, 'f')], pool: POOL }, soon());

    expect(sources).toEqual([[]]);
  });

  test('an array without vVols is no obstacle to tell that a vVol is not there', async () => {
    const { array, faults } = await start({ version });
    faults.add({
      system: 'array',
      operation: /^GET vvol/,
      when: 'before',
      action: { do: 'answer', status: 404, body: 'Not Found' },
    });

    const { sources } = await array.inventory({ identities: [VVOL.wwn.replace(/.$/, 'f')], pool: POOL }, soon());

    expect(sources).toEqual([[]]);
  });

  test('names of other vendors and of other arrays are not looked for among vVols', async () => {
    const { array, operationsSince } = await start({ version });
    const identities = ['naa.600a098038303053453f463045727951', 'naa.60000970000197999999533030303031'];

    await array.inventory({ identities, pool: POOL }, soon());

    expect(operationsSince(0).filter((operation) => operation.startsWith('GET vvol'))).toEqual([]);
  });
});

test('a list of one page is given back, and nobody waits or fails for it', async () => {
  const { array, events, faults } = await start({ version: '9.2', requestTimeoutMs: { read: 1_000, write: 1_000 } });
  faults.add({ system: 'array', operation: 'DELETE Iterator', when: 'before', action: { do: 'hang' } });
  const deadline = soon();

  const { pool } = await array.inventory({ identities: [], pool: POOL }, soon());

  expect(pool).toHaveLength(4);
  const isGivenBack = () =>
    events.events.some(({ kind, operation }) => kind === 'fault' && operation === 'DELETE Iterator');
  while (!isGivenBack()) {
    deadline.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test('devices are asked for by identity as the array shows it, in upper case', async () => {
  const { array, events } = await start({ version: '9.2' });
  const identities = [`naa.${VVOL.wwn}`, 'eui.18abcdef3434363500009760000297ab', VVOL.wwn];

  await array.inventory({ identities, pool: POOL }, soon());

  const values = events.events.flatMap(({ kind, detail }) =>
    kind === 'request' ? [...String(detail.url).matchAll(/(?:wwn|nguid)=([^&]+)/g)].map(([, value]) => value) : [],
  );
  expect(new Set(values)).toEqual(new Set([VVOL.wwn.toUpperCase(), '18ABCDEF3434363500009760000297AB']));
});

describe('on a V4 array without a known snap id', () => {
  const unknownId = { name: NAME, snapId: undefined };

  test('the array is asked for the one there is', async () => {
    const opened = await start({ generation: 'V4' });
    await establish(opened);
    const post = opened.later();

    await post.link({ ...unknownId, pairs }, soon());
    await post.unlink({ ...unknownId, pairs, force: true }, soon());
    await post.terminate({ ...unknownId, devices }, soon());

    expect(devices.some((device) => isSource(opened, device))).toBe(false);
    await post.terminate({ ...unknownId, devices }, soon());
    await expect(post.link({ ...unknownId, pairs }, soon())).rejects.toMatchObject({ code: 'E_ARRAY_REFUSED' });
  });

  test('none of several snapshots is touched', async () => {
    const opened = await start({ generation: 'V4' });
    await establish(opened);
    await establish(opened);

    await expect(opened.array.terminate({ ...unknownId, devices }, soon())).rejects.toMatchObject({
      code: 'E_ARRAY_REFUSED',
      hint: expect.stringContaining('Unisphere'),
    });
    expect(opened.lab.store.snapshots(devices[0] ?? '')).toHaveLength(2);
  });
});

test('a link that meets a lock of the array half-way is asked for again for what is not linked yet', async () => {
  const opened = await start();
  const snapId = await establish(opened);
  const [first] = pairs;
  if (first === undefined) throw new Error('there is no pair');
  const linkFirst = () => {
    opened.lab.store.link({ name: NAME, select: { generation: 0 }, copy: false, pairs: [first] });
  };
  const locked = JSON.stringify({ message: 'Unable to acquire the Symmetrix device lock' });
  const rule = { system: 'array', operation: 'PUT private/snapshot Link', when: 'before', nth: 1 } as const;
  opened.faults.add({ ...rule, action: { do: 'call', run: linkFirst } });
  opened.faults.add({ ...rule, action: { do: 'answer', status: 500, body: locked } });

  await opened.array.link({ name: NAME, snapId, pairs }, soon());

  expect(pairs.length).toBeGreaterThan(1);
  expect(pairs.every(({ target }) => opened.lab.device(target)?.isTarget)).toBe(true);
});
