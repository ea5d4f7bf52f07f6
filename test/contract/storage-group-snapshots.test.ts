import { type LabArrayOptions, type LabArrayWorld, openLabArray, POOL, SOURCES, TARGETS } from './lab-array-world.ts';

const NAME = 'sh-m2k4q7ab-x9w2zt';
const soon = () => AbortSignal.timeout(20_000);
const devices = SOURCES.slice(0, 2);
const targets = TARGETS.slice(0, 2);
const pairs = devices.map((source, index) => ({ source, target: targets[index] ?? source }));
const crossed = devices.map((source, index) => ({ source, target: targets[1 - index] ?? source }));

let world: LabArrayWorld | undefined;
const start = async (options: Partial<LabArrayOptions> = {}) => {
  world = await openLabArray({
    version: '10.3',
    generation: 'V3',
    ...options,
    knobs: { deviceListSnapVx: 'absent', ...options.knobs },
  });
  return world;
};
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const capture = async ({ array }: LabArrayWorld) => {
  await array.makeSnapshotGroup({ name: NAME, devices }, soon());
  await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
  return (await array.findSnapshots({ name: NAME, devices }, soon()))[0]?.snapId;
};
const dropGroup = ({ lab }: LabArrayWorld, group: string) =>
  lab.change((config) => {
    config.storageGroups = config.storageGroups.filter(({ id }) => id !== group);
  });
const groupsLeft = ({ lab }: LabArrayWorld) =>
  lab.config.storageGroups.map(({ id }) => id).filter((id) => id.startsWith(NAME));

test('a pair the array made otherwise than asked is undone and refused, and every target is free again', async () => {
  const opened = await start({ knobs: { groupOrder: 'device-id' } });
  const snapId = await capture(opened);

  await expect(opened.array.link({ name: NAME, snapId, pairs: crossed }, soon())).rejects.toMatchObject({
    code: 'E_ARRAY_REFUSED',
    effect: 'none',
    message: expect.stringContaining(`target "${targets[0]}"`),
  });

  expect(targets.map((target) => opened.lab.store.linkOf(target))).toEqual([undefined, undefined]);
});

test('crossing pairs are linked as asked where the array counts members as they were added', async () => {
  const opened = await start({ knobs: { groupOrder: 'added' } });
  const snapId = await capture(opened);

  await opened.array.link({ name: NAME, snapId, pairs: crossed }, soon());

  expect(crossed.map(({ target }) => opened.lab.store.linkOf(target)?.source)).toEqual(devices);
});

test('a link that Unisphere shows late is waited for', async () => {
  const opened = await start({ knobs: { objectModelLagMs: 10_000 } });
  const snapId = await capture(opened);

  await opened.array.link({ name: NAME, snapId, pairs }, soon());

  expect(pairs.map(({ target }) => opened.lab.store.linkOf(target)?.source)).toEqual(devices);
});

test('one that Unisphere does not show at all is told as unknown', async () => {
  const opened = await start({ knobs: { objectModelLagMs: 3_600_000 } });
  const snapId = await capture(opened);

  await expect(opened.array.link({ name: NAME, snapId, pairs }, soon())).rejects.toMatchObject({ effect: 'unknown' });
});

test('a snapshot whose group got another member is terminated, and the group is left to whoever uses it', async () => {
  const opened = await start();
  const snapId = await capture(opened);
  opened.lab.change((config) => {
    config.storageGroups.find(({ id }) => id === NAME)?.volumes.push(SOURCES[3] ?? '');
  });

  await opened
    .later()
    .terminate({ name: NAME, snapId, devices }, soon())
    .catch(() => undefined);
  const left = await opened.array.removeSnapshotGroups({ name: NAME, devices, targets }, soon());

  expect(left).toEqual([{ group: NAME, why: `it also holds device "${SOURCES[3]}"` }]);
  expect(devices.flatMap((device) => opened.lab.store.snapshots(device))).toEqual([]);
  expect(groupsLeft(opened)).toEqual([NAME]);
});

test('groups that were deleted by somebody are made again to unlink and terminate, and removed', async () => {
  const opened = await start();
  const snapId = await capture(opened);
  await opened.array.link({ name: NAME, snapId, pairs }, soon());
  dropGroup(opened, NAME);
  dropGroup(opened, `${NAME}-targets`);
  const later = opened.later();

  expect(await later.findSnapshots({ name: NAME, devices }, soon())).toHaveLength(2);
  await later.unlink({ name: NAME, snapId, pairs, force: true }, soon());
  await later.terminate({ name: NAME, snapId, devices }, soon());
  await later.removeSnapshotGroups({ name: NAME, devices, targets }, soon());

  expect(targets.map((target) => opened.lab.store.linkOf(target))).toEqual([undefined, undefined]);
  expect(devices.flatMap((device) => opened.lab.store.snapshots(device))).toEqual([]);
  expect(groupsLeft(opened)).toEqual([]);
});

test('a list of our snapshots costs as many reads with a hundred of others on the array as with none', async () => {
  const opened = await start({ version: '9.2' });
  await capture(opened);
  const listed = async () => {
    const seq = opened.events.events.length;
    const found = await opened.array.listSnapshots({ namePrefix: 'sh-' }, soon());
    return { found: found.map(({ source }) => source), reads: opened.operationsSince(seq).length };
  };
  const alone = await listed();
  for (let made = 0; made < 100; made += 1) opened.lab.store.establish({ name: `theirs-${made}`, devices });

  expect(await listed()).toEqual(alone);
  expect(alone.found).toEqual(devices);
});

test('a group of that name that holds anything else is refused before anything is snapped', async () => {
  const opened = await start();
  opened.lab.change((config) => {
    config.storageGroups.push({
      id: NAME,
      uuid: '',
      compression: false,
      children: [],
      volumes: [SOURCES[3] ?? ''],
    });
  });

  await expect(opened.array.makeSnapshotGroup({ name: NAME, devices }, soon())).rejects.toMatchObject({
    code: 'E_ARRAY_REFUSED',
    message: expect.stringContaining(`"${NAME}" holds 3 devices`),
  });
});

test('devices of a group with a service level enter a temporary one and stay in their own', async () => {
  const opened = await start();

  await capture(opened);

  expect(opened.membersOf(NAME)).toEqual(devices);
  expect(opened.membersOf('datastores')).toEqual(expect.arrayContaining([...devices]));
  expect(opened.membersOf(POOL)).toEqual(expect.arrayContaining([...targets]));
});
