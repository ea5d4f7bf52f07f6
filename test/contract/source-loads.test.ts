import { type LabArrayWorld, openLabArray, SOURCES, TARGETS } from './lab-array-world.ts';

const soon = () => AbortSignal.timeout(10_000);
const [first = SOURCES[0], second = SOURCES[1]] = SOURCES;
let world: LabArrayWorld;
afterEach(() => world.close());

test.each([
  ['9.2', 'served', 1],
  ['10.0', 'served', 1],
  ['10.3', 'served', undefined],
  ['10.3', 'absent', undefined],
] as const)(
  'what sources carry is told before anything is frozen (Unisphere %s, device lists %s)',
  async (version, deviceListSnapVx, linkedTargets) => {
    world = await openLabArray({ version, generation: 'V3', knobs: { deviceListSnapVx } });
    const { array, lab } = world;
    if (!first || !second) throw new Error('the world has two sources');
    const { snapId } = lab.store.establish({ name: 'a', devices: [first, second] });
    lab.store.establish({ name: 'b', devices: [first] });
    lab.store.link({
      name: 'a',
      select: { snapId },
      pairs: [{ source: first, target: TARGETS[0] ?? '' }],
      copy: false,
    });
    lab.store.restore({ name: 'a', select: { snapId }, devices: [second] });
    await array.facts(soon());

    const loads = await array.sourceLoads([first, second], soon());

    expect(loads).toEqual([
      { device: first, snapshots: 2, linkedTargets, isRestoring: false },
      {
        device: second,
        snapshots: expect.any(Number),
        // A restore session is shown as a link of the source to itself.
        linkedTargets: linkedTargets === undefined ? undefined : 0,
        isRestoring: true,
      },
    ]);
  },
);

test.each(['9.2', '10.0', '10.3'] as const)(
  'a restore at work is told of a device that is asked itself, and its session is no link (Unisphere %s)',
  async (version) => {
    world = await openLabArray({ version, generation: 'V3', knobs: { restoresHeld: true } });
    const { array, lab } = world;
    if (!first || !second) throw new Error('the world has two sources');
    const { snapId } = lab.store.establish({ name: 'a', devices: [first, second] });
    lab.store.link({
      name: 'a',
      select: { snapId },
      pairs: [{ source: first, target: TARGETS[0] ?? '' }],
      copy: false,
    });
    lab.store.restore({ name: 'a', select: { snapId }, devices: [second] });
    await array.facts(soon());

    expect([...(await array.sourceLoads([first], soon())), ...(await array.sourceLoads([second], soon()))]).toEqual([
      { device: first, snapshots: 1, linkedTargets: 1, isRestoring: false },
      { device: second, snapshots: 1, linkedTargets: 0, isRestoring: true },
    ]);
  },
);

test('one bulk list tells of any number of sources', async () => {
  world = await openLabArray({ version: '10.3', generation: 'V3', pairs: 16 });
  await world.array.facts(soon());
  world.lab.store.establish({ name: 'a', devices: SOURCES });
  const seq = world.events.events.length;

  const loads = await world.array.sourceLoads(SOURCES, soon());

  expect(world.operationsSince(seq)).toEqual(['GET v1/volumes']);
  expect(loads.map(({ device, snapshots }) => [device, snapshots])).toEqual(SOURCES.map((device) => [device, 1]));
});

const refuseBulkReads = (status: number, message: string) =>
  world.faults.add({
    system: 'array',
    operation: 'GET v1/volumes',
    when: 'before',
    action: { do: 'answer', status, body: JSON.stringify({ message }) },
  });

test.each(['9.2', '10.3'] as const)('storage groups alone tell nothing of a source (Unisphere %s)', async (version) => {
  world = await openLabArray({ version, generation: 'V3', knobs: { deviceListSnapVx: 'absent' } });
  await world.array.facts(soon());
  refuseBulkReads(400, 'The filter num_of_snapshots is not supported');

  await expect(world.array.sourceLoads(SOURCES.slice(0, 2), soon())).resolves.toEqual([]);
});

test('a user without a role is told so, and what a source carries is not passed over', async () => {
  world = await openLabArray({ version: '10.3', generation: 'V3', knobs: { deviceListSnapVx: 'absent' } });
  await world.array.facts(soon());
  refuseBulkReads(500, 'Cannot find role for user snaphook');

  await expect(world.array.sourceLoads(SOURCES.slice(0, 2), soon())).rejects.toMatchObject({ code: 'E_ARRAY_RIGHTS' });
});

test('a source that the bulk list leaves out carries nothing', async () => {
  world = await openLabArray({ version: '10.3', generation: 'V3' });
  await world.array.facts(soon());
  if (!first || !second) throw new Error('the world has two sources');
  world.lab.store.establish({ name: 'a', devices: [first] });

  const loads = await world.array.sourceLoads([first, second], soon());

  expect(loads.map(({ device, snapshots }) => [device, snapshots])).toEqual([
    [first, 1],
    [second, 0],
  ]);
});

test.each([
  ['V3', 1024],
  ['V4', 1024],
] as const)('the limits are those of the microcode (%s)', async (generation, snapshotsPerSource) => {
  world = await openLabArray({ version: '10.3', generation });

  await expect(world.array.limits(soon())).resolves.toMatchObject({ snapshotsPerSource, devicesPerSet: 4096 });
});
