import type { LabEvent } from '../../src/lab/world/events.ts';
import type { DeviceId } from '../../src/ports/identity.ts';
import type { StorageArray } from '../../src/ports/storage-array.ts';
import { createGovernor, DEFAULT_LIMITS } from '../../src/powermax/governor.ts';
import {
  INHERITED,
  type LabArrayOptions,
  type LabArrayWorld,
  MOBILE,
  nguidOf,
  openLabArray,
  POOL,
  SOURCES,
  TARGETS,
  VVOL,
  wwnOf,
} from './lab-array-world.ts';
import { storageArrayContract } from './storage-array.ts';

const RELEASES = ['9.2', '10.0', '10.1', '10.3', '10.4'] as const;
/** The whole suite on each release where something is different; of its neighbours one generation and interface each. */
const WHOLE_SUITE = [
  ['9.2', 'V3', 'devices'],
  ['9.2', 'V3', 'groups'],
  ['10.0', 'V3', 'devices'],
  ['10.0', 'V3', 'groups'],
  ['10.0', 'V4', 'devices'],
  ['10.0', 'V4', 'groups'],
  ['10.1', 'V3', 'devices'],
  ['10.3', 'V3', 'devices'],
  ['10.3', 'V3', 'groups'],
  ['10.3', 'V4', 'devices'],
  ['10.3', 'V4', 'groups'],
  ['10.4', 'V4', 'groups'],
] as const;
const hasBulkReads = (version: (typeof RELEASES)[number]) => version !== '9.2' && version !== '10.0';

for (const [version, generation, takes] of WHOLE_SUITE) {
  const [how, knobs] =
    takes === 'groups' ? [', by storage groups alone', { deviceListSnapVx: 'absent' } as const] : ['', {}];
  storageArrayContract(
    `PowerMax ${generation} behind Unisphere ${version} of the lab${how}`,
    () => openLabArray({ version, generation, knobs }),
    { takes },
  );
}

const NAME = 'sh-m2k4q7ab-x9w2zt';
const soon = () => AbortSignal.timeout(10_000);
let world: LabArrayWorld | undefined;
const start = async (options: Partial<LabArrayOptions> = {}) => {
  world = await openLabArray({ version: '10.3', generation: 'V3', ...options });
  return world;
};
afterEach(async () => {
  await world?.close();
  world = undefined;
});

/** What one backup asks of an array: pre hook, then post hook in another process. */
async function backUp({ array, later }: LabArrayWorld, devices: readonly DeviceId[], beforePost: () => void) {
  const pairs = devices.map((source, index) => ({ source, target: TARGETS[index] ?? source }));
  const find = (client: StorageArray) => client.findSnapshots({ name: NAME, devices }, soon());
  const facts = await array.facts(soon());
  await array.inventory({ identities: devices.map((device) => `naa.${wwnOf(device)}`), pool: POOL }, soon());
  await array.warm(soon());
  await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
  const snapId = (await find(array))[0]?.snapId;
  await array.link({ name: NAME, snapId, pairs }, soon());
  const shown = await find(array);
  beforePost();
  const post = later();
  post.recall(facts);
  await post.unlink({ name: NAME, snapId, pairs, force: true }, soon());
  await post.terminate({ name: NAME, snapId, devices }, soon());
  return { shown, pairs, left: await find(post) };
}

test.each(['9.2', '10.3'] as const)(
  'device lists that show everything late are waited for, and nothing is taken for gone that is there (Unisphere %s)',
  async (version) => {
    const opened = await start({ version, knobs: { deviceListLagMs: 10_000 } });
    const { array, lab } = opened;
    const devices = SOURCES.slice(0, 1);
    const pairs = devices.map((source, index) => ({ source, target: TARGETS[index] ?? source }));
    await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
    const shown = await array.findSnapshots({ name: NAME, devices }, soon());
    await array.link({ name: NAME, snapId: shown[0]?.snapId, pairs }, soon());
    // It never arrives, and the look that follows is too early to show the link.
    const operation = 'PUT private/snapshot Unlink';
    opened.faults.add({ system: 'array', operation, nth: 1, when: 'before', action: { do: 'drop' } });
    await array.unlink({ name: NAME, snapId: shown[0]?.snapId, pairs, force: true }, soon());
    const links = pairs.map(({ target }) => lab.store.linkOf(target));
    await array.terminate({ name: NAME, snapId: shown[0]?.snapId, devices }, soon());

    expect(shown.map(({ source }) => source)).toEqual(devices);
    expect(links).toEqual([undefined]);
    expect(await array.findSnapshots({ name: NAME, devices }, soon())).toEqual([]);
  },
);

describe('calls to the array for one whole backup', () => {
  test.each([1, 4, 16])('are at most 12 with %i devices', async (count) => {
    const { events, operationsSince, ...rest } = await start({ pairs: count });
    const seq = events.events.length;

    const { shown, pairs, left } = await backUp(
      { events, operationsSince, ...rest },
      SOURCES.slice(0, count),
      () => {},
    );

    expect(operationsSince(seq).length).toBeLessThanOrEqual(12);
    expect(shown.map(({ source, linkedTargets }) => [source, linkedTargets.map(({ target }) => target)])).toEqual(
      pairs.map(({ source, target }) => [source, [target]]),
    );
    expect(left).toEqual([]);
    expect(events.events.filter(({ kind }) => kind === 'unserved')).toEqual([]);
  });

  test.each([1, 16])('go up by one look between unlink and terminate with %i devices', async (count) => {
    const opened = await start({ pairs: count });
    const devices = SOURCES.slice(0, count);
    const pairs = devices.map((source, index) => ({ source, target: TARGETS[index] ?? source }));
    await opened.array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
    const snapId = (await opened.array.findSnapshots({ name: NAME, devices }, soon()))[0]?.snapId;
    await opened.array.link({ name: NAME, snapId, pairs }, soon());
    const post = opened.later();
    await post.unlink({ name: NAME, snapId, pairs, force: true }, soon());
    const seq = opened.events.events.length;

    const found = await post.findSnapshots({ name: NAME, devices }, soon());

    expect(opened.operationsSince(seq)).toHaveLength(1);
    expect(found.map((one) => [one.source, one.snapId])).toEqual(devices.map((device) => [device, snapId]));
  });

  test.each([
    ['none more where the list shows that nothing else has their ids', {}, ['GET v1/volumes']],
    ['one more where mobility ids leave that open', { mobilityWwn: '0' }, ['GET v1/volumes', 'GET volume']],
  ])('of vVols are %s', async (_what, vvolConfig, calls) => {
    const { array, lab, operationsSince, events } = await start({ pairs: 2 });
    const wwns = [VVOL.wwn, VVOL.wwn.replace(/.$/, '7')];
    const second = TARGETS[1] ?? '';
    lab.bindVvol({ device: second, container: 'SC1', resource: 'SC1-res', wwn: wwns[1] ?? '' });
    lab.change((config) => {
      for (const group of config.storageGroups) group.volumes = group.volumes.filter((id) => id !== second);
      for (const device of [VVOL.device, second]) config.devices[device] = vvolConfig;
    });
    await array.warm(soon());
    const seq = events.events.length;
    const identities = wwns.map((wwn) => `naa.${wwn}`);
    const vvols = new Map(identities.map((identity) => [identity, undefined] as const));

    const { sources } = await array.inventory({ identities, pool: POOL, vvols }, soon());

    expect(sources.flat().map(({ id }) => id)).toEqual([VVOL.device, second]);
    expect(operationsSince(seq)).toEqual(calls);
  });

  test('on a later page of the inventory is one more', async () => {
    const { array, events, operationsSince } = await start({ pairs: 16, ballast: 2000 });
    await array.warm(soon());
    const seq = events.events.length;

    const identities = SOURCES.map((device) => `naa.${wwnOf(device)}`);
    const { sources, pool } = await array.inventory({ identities, pool: POOL }, soon());

    expect(operationsSince(seq)).toHaveLength(2);
    expect(sources.flat().map(({ id }) => id)).toEqual(SOURCES);
    expect(pool).toHaveLength(TARGETS.length);
  });
});

test('the establish is one request on an open connection', async () => {
  const { array, events, operationsSince, connections } = await start({ pairs: 16 });
  await array.facts(soon());
  await array.warm(soon());
  const seq = events.events.length;
  const before = connections();

  const { serviceMs } = await array.establish({ name: NAME, devices: SOURCES, timeToLiveHours: 2 }, soon());

  expect(operationsSince(seq)).toEqual(['POST private/snapshot']);
  expect(connections()).toBe(before);
  expect(serviceMs).toBeGreaterThanOrEqual(0);
});

describe.each(RELEASES)('behind Unisphere %s', (version) => {
  test('devices are found by whatever hosts see, and by nothing else', async () => {
    const { array } = await start({ version });
    const ofInherited = wwnOf(INHERITED.device);
    const identities = [
      `naa.${INHERITED.effectiveWwn}`,
      `naa.${ofInherited}`,
      `naa.${MOBILE.wwn}`,
      `naa.${wwnOf(MOBILE.device)}`,
      `eui.${nguidOf(wwnOf(SOURCES[0] ?? ''))}`,
      `naa.${VVOL.wwn}`,
      `rfc4122.${VVOL.wwn.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`,
      'mpx.vmhba1:C0:T0:L0',
    ];

    const { sources, clues } = await array.inventory({ identities, pool: POOL }, soon());

    expect(clues.map(({ foundBy }) => foundBy)).toEqual([
      'effective WWN',
      undefined,
      'effective WWN',
      undefined,
      version === '9.2' ? 'effective WWN' : 'NGUID',
      hasBulkReads(version) ? 'effective WWN' : 'own WWN',
      'own WWN',
      undefined,
    ]);
    expect(clues.map(({ decoded, decodedDevice }) => [decoded?.deviceId, decodedDevice?.id])).toEqual([
      ['00002', undefined],
      [INHERITED.device, INHERITED.device],
      [undefined, undefined],
      [MOBILE.device, MOBILE.device],
      [SOURCES[0], SOURCES[0]],
      [undefined, undefined],
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect(sources.map((found) => found.map(({ id }) => id))).toEqual([
      [INHERITED.device],
      [],
      [MOBILE.device],
      [],
      [SOURCES[0]],
      [VVOL.device],
      [VVOL.device],
      [],
    ]);
    expect(sources[0]?.[0]).toMatchObject({ effectiveWwn: INHERITED.effectiveWwn, cylinders: 4, emulation: 'FBA' });
  });

  test('a vVol whose id is no WWN is found by the identifier of its device alone, and all devices of that identifier are told', async () => {
    const { array, lab } = await start({ version });
    const label = 'vvol-of-sql01';
    lab.change((config) => {
      config.devices[VVOL.device] = { identifier: label };
    });
    const find = () => array.inventory({ identities: [label, 'rfc4122.unknown'], pool: POOL }, soon());
    expect(await find()).toMatchObject({
      sources: [[{ id: VVOL.device }], []],
      clues: [{ foundBy: 'identifier' }, {}],
    });

    lab.bindVvol({ device: TARGETS[3] ?? '', container: 'SC1', resource: 'SC1-res', wwn: VVOL.wwn.replace(/.$/, '7') });
    lab.change((config) => {
      config.devices[TARGETS[3] ?? ''] = { identifier: label };
    });
    expect((await find()).sources[0]?.map(({ id }) => id).sort()).toEqual([TARGETS[3], VVOL.device].sort());
  });

  test('a source shows the views of its group and of the parents of its group', async () => {
    const { array } = await start({ version });

    const { sources } = await array.inventory({ identities: [`naa.${wwnOf(SOURCES[0] ?? '')}`], pool: POOL }, soon());

    const views = sources[0]?.[0]?.maskingViews ?? [];
    expect(new Set(views.map(({ id }) => id))).toEqual(new Set(['mv-cluster']));
    expect(views.map(({ host }) => host)).not.toContain('proxy01');
  });

  test('how hosts reach a device is told for every host behind a view, with the address at each initiator', async () => {
    const { array } = await start({ version });
    const [source, target] = [SOURCES[0] ?? INHERITED.device, TARGETS[0] ?? INHERITED.device];

    const [ofSource, ofTarget, ofVvol] = await array.presentations([source, target, VVOL.device], soon());

    expect(ofSource?.map(({ view, host }) => [view, host]).sort()).toEqual([
      ['mv-cluster', 'esx01'],
      ['mv-cluster', 'esx02'],
    ]);
    const byHost = new Map(ofSource?.map(({ host, paths }) => [host, paths]));
    expect(byHost.get('esx01')).toMatchObject([{ initiator: '10000090faa02d01' }]);
    expect(byHost.get('esx02')).toMatchObject([{ initiator: '10000090faa02d02' }]);
    expect(byHost.get('esx01')?.[0]?.lun).not.toBe(byHost.get('esx02')?.[0]?.lun);
    expect(ofTarget).toEqual([
      { view: 'mv-proxy', host: 'proxy01', paths: [{ initiator: '10000090faa02c20', lun: expect.any(Number) }] },
    ]);
    expect(ofVvol).toEqual([]);
  });

  test('an address that is told late is waited for, and one that nobody will tell is not', async () => {
    const { array, lab, events, pool } = await start({ version, knobs: { lunAddressLagMs: 20_000 } });
    const device = SOURCES[1] ?? INHERITED.device;
    const unmasked = SOURCES[2] ?? INHERITED.device;
    lab.change((config) => {
      for (const host of config.hosts) if (host.id !== 'proxy01') host.initiators = [];
      config.storageGroups.find(({ id }) => id === 'datastores')?.volumes.splice(1, 1);
    });
    await array.addToStorageGroup({ storageGroup: pool.storageGroup, devices: [device] }, soon());
    const seq = events.events.length;

    const [late, never] = await array.presentations([device, unmasked], soon());

    expect(late).toEqual([{ view: 'mv-proxy', host: 'proxy01', paths: [expect.objectContaining({ lun: 5 })] }]);
    expect(never?.map(({ paths }) => paths)).toEqual([[], []]);
    const asked = events.since(seq).flatMap(({ kind, detail }) => (kind === 'request' ? [String(detail.url)] : []));
    expect(asked.filter((url) => url.includes('connections')).every((url) => url.includes('volume_id='))).toBe(true);
    expect(asked.filter((url) => url.includes('mv-cluster/connections'))).toHaveLength(1);
  });

  test('devices are made new in exactly the cylinders asked for, and found by their identifier', async () => {
    const { array, lab, pool } = await start({ version, knobs: { newDeviceLagMs: 5000 }, ballast: 2 });
    const devices = [
      { cylinders: 4, emulation: 'FBA', count: 2 },
      { cylinders: 9, emulation: 'FBA', count: 1 },
    ];
    const before = new Set(lab.store.devices().map(({ id }) => id));

    await array.createDevices({ storageGroup: pool.storageGroup, identifier: 'snaphook-run-1', devices }, soon());

    const made = async () => {
      const inventory = await array.inventory({ identities: [], pool: pool.storageGroup }, soon());
      return inventory.pool.filter(({ identifier }) => identifier === 'snaphook-run-1');
    };
    while ((await made()).length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    // Devices of that size that belong to nobody were there: they may hold what somebody needs.
    expect((await made()).filter(({ id }) => before.has(id))).toEqual([]);
    expect((await made()).map(({ cylinders }) => cylinders).sort()).toEqual([4, 4, 9]);
    expect((await made())[0]).toMatchObject({ emulation: 'FBA', maskingViews: [{ host: 'proxy01' }] });
  });

  test('a storage container is known by the id that vCenter shows', async () => {
    const { array } = await start({ version });
    const ids = ['vvol:600009700bcbb711-39ff01780000050a', 'vvol:600009700bcbb711-39ff01780000050b'];
    expect(await array.storageContainers(ids, soon())).toEqual(['SC1', undefined]);
  });

  test('two devices of one identity are both told', async () => {
    const { array, lab } = await start({ version });
    lab.change((config) => {
      config.devices[MOBILE.device] = { effectiveWwn: INHERITED.effectiveWwn };
    });

    const { sources } = await array.inventory({ identities: [`naa.${INHERITED.effectiveWwn}`], pool: POOL }, soon());

    expect(sources[0]?.map(({ id }) => id).sort()).toEqual([INHERITED.device, MOBILE.device]);
  });

  test.each([true, false])(
    'what has the id of a vVol and is none is told, alone and beside the vVol (general lists show vVols: %p)',
    async (vvolsInVolumeLists) => {
      const { array, lab } = await start({ version, knobs: { vvolsInVolumeLists } });
      const [source, other, second] = [SOURCES[0] ?? '', SOURCES[1] ?? '', TARGETS[3] ?? ''];
      const identities = [`naa.${VVOL.wwn}`, `naa.${wwnOf(source)}`, `naa.${'7'.repeat(32)}`];
      const vvols = new Map(identities.map((identity) => [identity, undefined] as const));
      const find = () => array.inventory({ identities, pool: POOL, vvols }, soon());
      const idsOfFirst = async () => (await find()).sources[0]?.map(({ id }) => id).sort();
      expect(await find()).toMatchObject({
        sources: [[{ id: VVOL.device }], [{ id: source }], []],
        clues: [{}, { shownAsVvol: false }, { shownAsVvol: undefined }],
      });

      // One has it as its own WWN, the other as its effective one.
      lab.bindVvol({ device: second, container: 'SC1', resource: 'SC1-res', wwn: VVOL.wwn.replace(/.$/, '7') });
      lab.change((config) => {
        config.devices[second] = { effectiveWwn: VVOL.wwn.toUpperCase() };
      });
      expect(await idsOfFirst()).toEqual([VVOL.device, second].sort());
      lab.change((config) => {
        config.devices[second] = {};
        config.devices[other] = { effectiveWwn: VVOL.wwn.toUpperCase() };
      });
      expect(await idsOfFirst()).toEqual([VVOL.device, other].sort());
    },
  );

  test.each([
    ['a mobility id', (wwn: string) => ({ mobilityWwn: wwn })],
    ['an inherited one', (wwn: string) => ({ effectiveWwn: wwn })],
  ])('a device of no group that has the id of a vVol, as %s, is not taken for the vVol', async (_how, named) => {
    const { array, lab } = await start({ version, ballast: 1 });
    const wwn = VVOL.wwn.replace(/.$/, '7');
    lab.change((config) => {
      config.devices['01000'] = named(wwn.toUpperCase());
    });
    const identities = [`naa.${wwn}`];
    const vvols = new Map(identities.map((identity) => [identity, undefined] as const));

    const { sources, clues } = await array.inventory({ identities, pool: POOL, vvols }, soon());

    expect(sources[0]?.map(({ id }) => id)).toEqual(['01000']);
    expect(clues).toMatchObject([{ shownAsVvol: false }]);
  });

  test('a vVol the array does not let us snap is refused with a way out', async () => {
    const { array } = await start({ version, knobs: { vvolSnapVx: 'refused' } });
    await array.inventory({ identities: [`naa.${VVOL.wwn}`], pool: POOL }, soon());

    await expect(
      array.establish({ name: NAME, devices: [VVOL.device], timeToLiveHours: 2 }, soon()),
    ).rejects.toMatchObject({ code: 'E_ARRAY_VVOL', effect: 'none', hint: expect.stringContaining('managed') });
  });

  test('a vVol the array lets us snap is snapped like any device', async () => {
    const { array } = await start({ version, knobs: { vvolSnapVx: 'accepted' } });

    await array.establish({ name: NAME, devices: [VVOL.device], timeToLiveHours: 2 }, soon());

    expect(await array.findSnapshots({ name: NAME, devices: [VVOL.device] }, soon())).toHaveLength(1);
  });
});

describe('while the object model of Unisphere lags behind the array', () => {
  const devices = SOURCES.slice(0, 3);
  const pairs = devices.map((source, index) => ({ source, target: TARGETS[index] ?? source }));

  test.each(RELEASES)('links are told as they are (Unisphere %s)', async (version) => {
    const { array } = await start({ version, knobs: { objectModelLagMs: 3_600_000, snapshotListLagMs: 3_600_000 } });
    await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
    const find = async () =>
      (await array.findSnapshots({ name: NAME, devices }, soon())).map(({ linkedTargets }) => linkedTargets.length);
    const snapId = (await array.findSnapshots({ name: NAME, devices }, soon()))[0]?.snapId;

    await array.link({ name: NAME, snapId, pairs }, soon());
    expect(await find()).toEqual([1, 1, 1]);
    await array.unlink({ name: NAME, snapId, pairs, force: true }, soon());
    expect(await find()).toEqual([0, 0, 0]);
  });
});

describe('an unlink without force', () => {
  const devices = SOURCES.slice(0, 2);
  const pairs = devices.map((source, index) => ({ source, target: TARGETS[index] ?? source }));
  const linkIn = async ({ array }: LabArrayWorld) => {
    await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
    const snapId = (await array.findSnapshots({ name: NAME, devices }, soon()))[0]?.snapId;
    await array.link({ name: NAME, snapId, pairs }, soon());
    return snapId;
  };

  test('waits on a V3 array until the targets are defined', async () => {
    const opened = await start({ generation: 'V3', store: { defineMs: 10_000 } });
    const snapId = await linkIn(opened);
    const seq = opened.events.events.length;

    await opened.later().unlink({ name: NAME, snapId, pairs, force: false }, soon());

    const unlinks = opened.events
      .since(seq)
      .filter(({ kind, operation }) => kind === 'answer' && /Unlink/.test(operation));
    expect(unlinks.map(({ detail }) => detail.status)).toEqual([500, 200]);
  });

  test('ends with the reason of its signal when they never are, and force still frees them', async () => {
    const opened = await start({ generation: 'V3', store: { defineMs: Number.POSITIVE_INFINITY } });
    const snapId = await linkIn(opened);
    const patience = new AbortController();
    const reason = new Error('waited long enough');
    const waiting = opened.array.unlink({ name: NAME, snapId, pairs, force: false }, patience.signal);
    setTimeout(() => patience.abort(reason), 100);

    await expect(waiting).rejects.toBe(reason);
    await opened.array.unlink({ name: NAME, snapId, pairs, force: true }, soon());
    expect(opened.lab.device(TARGETS[0] ?? '')?.isTarget).toBe(false);
  });
});

describe('rights', () => {
  test('a wrong password is told as such, once', async () => {
    const { later, events, operationsSince } = await start();
    const seq = events.events.length;

    await expect(later({ password: 'wrong' }).facts(soon())).rejects.toMatchObject({ code: 'E_ARRAY_LOGIN' });
    expect(operationsSince(seq)).toHaveLength(1);
  });

  test('a user who may only look is told before anything changes', async () => {
    const { later, lab } = await start();
    const watcher = later({ username: 'watcher' });

    await watcher.facts(soon());
    await expect(
      watcher.establish({ name: NAME, devices: SOURCES.slice(0, 1), timeToLiveHours: 2 }, soon()),
    ).rejects.toMatchObject({ code: 'E_ARRAY_RIGHTS', effect: 'none' });
    expect(lab.device(SOURCES[0] ?? '')?.isSource).toBe(false);
  });
});

test('a write refused because of a lock is sent again until it passes', async () => {
  const { array, faults, lab } = await start();
  const body = JSON.stringify({ message: 'Unable to acquire the Symmetrix device lock' });
  for (const nth of [1, 2]) {
    faults.add({
      system: 'array',
      operation: 'POST private/snapshot',
      nth,
      when: 'before',
      action: { do: 'answer', status: 500, body },
    });
  }

  await array.establish({ name: NAME, devices: SOURCES.slice(0, 1), timeToLiveHours: 2 }, soon());

  expect(lab.store.snapshots(SOURCES[0] ?? '')).toHaveLength(1);
});

test('at most 5 reads and 4 writes are in flight, and as many where there is work for them', async () => {
  const { array, events, faults, emptyGroup } = await start({ version: '9.2', pairs: 16 });
  await array.establish({ name: NAME, devices: SOURCES, timeToLiveHours: 2 }, soon());
  const deadline = soon();
  const seq = events.events.length;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  faults.add({ system: 'array', when: 'before', action: { do: 'call', run: () => gate } });

  const all = Promise.all([
    array.findSnapshots({ name: NAME, devices: SOURCES }, soon()),
    ...SOURCES.map((device) => array.addToStorageGroup({ storageGroup: emptyGroup, devices: [device] }, soon())),
  ]);
  while (mostInFlight(events.since(seq)).POST + mostInFlight(events.since(seq)).GET < 9) {
    deadline.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  }
  open();
  await all;

  expect(mostInFlight(events.since(seq))).toEqual({ GET: 5, POST: 4 });
});

test('two hooks of this machine together have at most 5 reads and 4 writes in flight', async () => {
  const opened = await start({ version: '9.2', pairs: 16 });
  await opened.array.establish({ name: NAME, devices: SOURCES, timeToLiveHours: 2 }, soon());
  const { events, faults, lab } = opened;
  // As two processes have it: a governor each, and no word between them but that there are two.
  const hooks = [1, 2].map(() => opened.later({ governor: createGovernor(DEFAULT_LIMITS, () => 2) }));
  await Promise.all(hooks.map((hook) => hook.facts(soon())));
  const deadline = soon();
  const seq = events.events.length;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  faults.add({ system: 'array', when: 'after', action: { do: 'call', run: () => gate } });

  const all = Promise.all(hooks.map((hook) => hook.findSnapshots({ name: NAME, devices: SOURCES }, soon())));
  while (mostInFlight(events.since(seq)).GET < 4) {
    deadline.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  }
  open();
  await all;

  expect(mostInFlight(events.since(seq)).GET).toBe(4);
  expect(lab.mostActiveRequests).toBeLessThanOrEqual(5);
});

test('an establish goes at once while every place for reads and writes is taken', async () => {
  const opened = await start({ version: '9.2', pairs: 16 });
  const { array, events, faults } = opened;
  await array.facts(soon());
  const storageGroup = opened.emptyGroup;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  faults.add({ system: 'array', operation: /^(GET|PUT)/, when: 'before', action: { do: 'call', run: () => gate } });
  const busy = [
    ...Array.from({ length: 2 }, () => array.inspect(SOURCES, soon())),
    ...SOURCES.slice(0, 6).map((device) => array.addToStorageGroup({ storageGroup, devices: [device] }, soon())),
  ];
  const deadline = soon();
  while (mostInFlight(events.events).POST < 4) {
    deadline.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  }

  await array.establish({ name: NAME, devices: SOURCES.slice(0, 1), timeToLiveHours: 2 }, soon());

  open();
  await Promise.all(busy);
});

function mostInFlight(events: readonly LabEvent[]) {
  const most = { GET: 0, POST: 0 };
  const inFlight = { GET: 0, POST: 0 };
  for (const { kind, operation } of events) {
    const method = operation.startsWith('GET') ? 'GET' : 'POST';
    if (kind === 'request') inFlight[method] += 1;
    if (kind === 'answer') inFlight[method] -= 1;
    most[method] = Math.max(most[method], inFlight[method]);
  }
  return most;
}
