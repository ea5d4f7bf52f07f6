import type { StorageArray } from '../../src/ports/storage-array.ts';
import {
  type LabArrayOptions,
  type LabArrayWorld,
  openLabArray,
  POOL,
  SOURCES,
  TARGETS,
  wwnOf,
} from './lab-array-world.ts';
import { storageArrayContract } from './storage-array.ts';

const NAME = 'sh-m2k4q7ab-x9w2zt';
const soon = () => AbortSignal.timeout(20_000);
const devices = SOURCES.slice(0, 2);
const pairs = devices.map((source, index) => ({ source, target: TARGETS[index] ?? source }));
const identities = devices.map((device) => `naa.${wwnOf(device)}`);
/** In the lab's hundredth of real time: 100 ms. */
const LAG_MS = 10_000;

storageArrayContract('PowerMax behind the second of two servers, the first being down', async () => {
  const opened = await openLabArray({ version: '10.3', generation: 'V3', second: { lagMs: 0 } });
  await opened.unisphere.stopFirst();
  return { ...opened, loseNextAnswer: (request) => opened.loseNextAnswer(request, 'second') };
});

let world: LabArrayWorld | undefined;
const start = async (options: Partial<LabArrayOptions> = {}) => {
  world = await openLabArray({ version: '10.3', generation: 'V3', second: { lagMs: LAG_MS }, ...options });
  return world;
};
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const answerOf = ({ faults }: LabArrayWorld, status: number, operation?: string) =>
  faults.add({
    system: 'array',
    ...(operation && { operation }),
    when: 'before',
    action: { do: 'answer', status, body: '<html>Service Unavailable</html>' },
  });

test.each([408, 501, 502, 503, 504])('a read answered with %i is asked of the next server', async (status) => {
  const opened = await start();
  answerOf(opened, status);

  await expect(opened.array.facts(soon())).resolves.toMatchObject({ unisphereVersion: 'V10.3.0.5' });
});

test.each([
  [401, 'E_ARRAY_LOGIN'],
  [403, 'E_ARRAY_RIGHTS'],
])('%i is an answer: nobody else is asked', async (status, code) => {
  const opened = await start();
  answerOf(opened, status);
  const before = opened.connections();

  await expect(opened.array.facts(soon())).rejects.toMatchObject({ code });

  expect(opened.connections() - before).toBe(1);
});

test('one server has all calls until it fails, and the next keeps them when the first is back', async () => {
  const opened = await start({ second: { lagMs: 0, version: '9.2' } });
  const { array, connections } = opened;
  await array.facts(soon());
  const remove = answerOf(opened, 503);
  await array.facts(soon());
  remove();
  const before = connections();

  await array.warm(soon());
  await array.facts(soon());
  await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());

  expect(connections()).toBe(before);
  expect((await array.facts(soon())).apiVersion).toBe('92');
});

test('the connection the establish uses is warm on the server that answers', async () => {
  const opened = await start();
  await opened.unisphere.stopFirst();
  await opened.array.facts(soon());
  await opened.array.warm(soon());
  const [before, seq] = [opened.connections(), opened.events.events.length];

  await opened.array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());

  expect(opened.connections()).toBe(before);
  expect(opened.operationsSince(seq)).toEqual(['POST private/snapshot']);
});

test.each(['before', 'after'] as const)(
  'an establish that is answered 503 %s its effect is not sent to the other server, and a look there tells the truth',
  async (when) => {
    const opened = await start();
    await opened.array.facts(soon());
    opened.faults.add({
      system: 'array',
      operation: 'POST private/snapshot',
      when,
      action: { do: 'answer', status: 503 },
    });

    const failure = await opened.array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon()).catch((e) => e);
    const found = await opened.array.findSnapshots({ name: NAME, devices }, soon());

    expect(failure).toMatchObject({ effect: 'unknown', retry: 'after-probe' });
    expect(opened.operationsSince(0).filter((one) => one === 'POST private/snapshot')).toHaveLength(1);
    expect(found).toHaveLength(when === 'after' ? 2 : 0);
  },
);

test('an establish that never reached the first server goes to the next', async () => {
  const opened = await start();
  const later = opened.later();
  later.recall(await opened.array.facts(soon()));
  await opened.unisphere.stopFirst();

  await later.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());

  expect(opened.lab.store.snapshots(devices[0] ?? '')).toHaveLength(1);
});

/** Where in a run the first server goes down; the second then still shows what was before. */
const STEPS = ['establish', 'link', 'unlink', 'terminate'] as const;

describe.each(['served', 'absent'] as const)(
  'with device lists %s, when the first server goes down',
  (deviceListSnapVx) => {
    test.each(STEPS)('after %s, the run ends well on the second, which lags', async (last) => {
      const opened = await start({ knobs: { deviceListSnapVx } });
      const { array, lab, unisphere } = opened;
      const facts = await array.facts(soon());
      const passed = async (step: (typeof STEPS)[number]) => {
        if (step === last) await unisphere.stopFirst();
      };
      await array.inventory({ identities, pool: POOL }, soon());
      if (facts.snapVxApi === 'storage-group') await array.makeSnapshotGroup({ name: NAME, devices }, soon());
      await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
      await passed('establish');
      const snapId = (await untilFound(array, devices.length))[0]?.snapId;
      await retried(() => array.link({ name: NAME, snapId, pairs }, soon()));
      await passed('link');
      await array.unlink({ name: NAME, snapId, pairs, force: true }, soon());
      await passed('unlink');
      await array.terminate({ name: NAME, snapId, devices }, soon());
      await passed('terminate');
      const targets = pairs.map(({ target }) => target);
      await array.removeSnapshotGroups({ name: NAME, devices, targets }, soon());
      await untilFound(array, 0);

      expect(devices.flatMap((device) => lab.store.snapshots(device))).toEqual([]);
      expect(targets.map((target) => lab.store.linkOf(target))).toEqual([undefined, undefined]);
    });
  },
);

/** What a look shows once no view lags any more, as the job looks again after the time it gives the array to settle. */
async function untilFound(array: StorageArray, count: number) {
  for (const signal = soon(); ; ) {
    const found = await array.findSnapshots({ name: NAME, devices }, signal);
    if (found.length === count) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A group made through one server may not be known to the other yet: refused without effect, and asked again. */
async function retried(work: () => Promise<void>) {
  for (const signal = soon(); ; ) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error && 'effect' in error && error.effect === 'none')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

test('a second server of another release is spoken to in its own version', async () => {
  const opened = await start({ second: { lagMs: 0, version: '9.2' } });
  await opened.array.facts(soon());
  await opened.unisphere.stopFirst();

  const { sources, pool } = await opened.array.inventory({ identities, pool: POOL }, soon());
  await opened.array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());

  expect(sources.map((found) => found.map(({ id }) => id))).toEqual(devices.map((device) => [device]));
  expect(pool).toHaveLength(4);
  await expect(opened.array.facts(soon())).resolves.toMatchObject({ apiVersion: '92' });
});

test('a list that is half read when its server goes down is read again from the other', async () => {
  const opened = await start({ ballast: 2000, second: { lagMs: 0 } });
  await opened.array.facts(soon());
  opened.faults.add({
    system: 'array',
    operation: 'GET v1/volumes',
    nth: 2,
    when: 'before',
    action: { do: 'answer', status: 503 },
  });

  const { sources } = await opened.array.inventory({ identities, pool: POOL }, soon());

  expect(sources.flat().map(({ id }) => id)).toEqual(devices);
});

test('each server is told with its version, or why it does not answer', async () => {
  const opened = await start();
  await opened.unisphere.stopFirst();

  const servers = await opened.array.servers(soon());

  expect(servers).toMatchObject([
    { url: opened.unisphere.urls[0], kind: 'fails', error: { code: 'E_ARRAY_UNREACHABLE' } },
    { url: opened.unisphere.urls[1], kind: 'answers', version: 'V10.3.0.5' },
  ]);
});
