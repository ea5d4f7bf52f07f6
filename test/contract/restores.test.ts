import type { SnapshotOn } from '../../src/ports/storage-array.ts';
import { failure } from '../failure.ts';
import { type LabArrayOptions, type LabArrayWorld, openLabArray } from './lab-array-world.ts';

const NAME = 'sh-m2k4q7ab-x9w2zt';
const soon = () => AbortSignal.timeout(10_000);
const DELETE = { system: 'array', operation: 'DELETE private/snapshot' } as const;

describe.each([
  { version: '9.2', generation: 'V3' },
  { version: '10.3', generation: 'V4' },
] as const)('restores of Unisphere $version, array $generation', (options: LabArrayOptions) => {
  let world: LabArrayWorld;
  beforeEach(async () => {
    world = await openLabArray(options);
  });
  afterEach(() => world.close());

  /** Two devices of three, whose content has changed since. */
  const taken = async (): Promise<SnapshotOn> => {
    const { array, sources } = world;
    const devices = sources.slice(0, 3).map(({ device }) => device);
    for (const device of devices) world.write(device, 'then');
    await array.establish({ name: NAME, devices, timeToLiveHours: 2 }, soon());
    for (const device of devices) world.write(device, 'now!');
    const [first] = await array.findSnapshots({ name: NAME, devices }, soon());
    return { name: NAME, snapId: first?.snapId, devices: devices.slice(0, 2) };
  };
  const contents = () => world.sources.slice(0, 3).map(({ device }) => world.read(device, 4));
  const states = (snapshot: SnapshotOn) => world.array.restoreStates(snapshot, soon());
  const snapshotsLeft = async ({ name, devices }: SnapshotOn) =>
    (await world.later().findSnapshots({ name, devices }, soon())).length;

  test('exactly the devices named are written back, in one request, and ending it leaves snapshot and data', async () => {
    const snapshot = await taken();
    expect(await states(snapshot)).toEqual(['none', 'none']);
    const from = world.events.events.length;

    await world.array.restore(snapshot, soon());

    expect(world.operationsSince(from)).toEqual(['PUT private/snapshot Restore']);
    expect(contents()).toEqual(['then', 'then', 'now!']);
    expect(await states(snapshot)).toEqual(['restored', 'restored']);
    await world.array.restore(snapshot, soon()); // Refused by the array, and what was asked for is there.
    await world.array.endRestore(snapshot, soon());
    expect(await states(snapshot)).toEqual(['none', 'none']);
    expect(await snapshotsLeft(snapshot)).toBe(2);
    expect(contents()).toEqual(['then', 'then', 'now!']);
  });

  test('a restore session is no linked target', async () => {
    const snapshot = await taken();
    await world.array.restore(snapshot, soon());

    const found = await world.later().findSnapshots({ name: NAME, devices: snapshot.devices }, soon());
    expect(found.map(({ linkedTargets }) => linkedTargets)).toEqual([[], []]);
  });

  test('while it is at work it is told so, and cannot be ended', async () => {
    const snapshot = await taken();
    world.lab.knobs = { ...world.lab.knobs, restoresHeld: true };
    await world.array.restore(snapshot, soon());

    expect(await states(snapshot)).toEqual(['running', 'running']);
    expect((await failure(world.array.endRestore(snapshot, soon()))).code).toBe('E_ARRAY_REFUSED');
  });

  test('ending it never deletes the snapshot: neither again, nor when the answer is lost', async () => {
    const snapshot = await taken();
    await world.array.restore(snapshot, soon());
    world.faults.add({ ...DELETE, nth: 1, when: 'after', action: { do: 'drop' } });

    await world.array.endRestore(snapshot, soon());
    await world.array.endRestore(snapshot, soon());

    expect(await snapshotsLeft(snapshot)).toBe(2);
  });

  test('a restore whose answer is lost is told as unknown, and sent once', async () => {
    const snapshot = await taken();
    world.faults.add({
      system: 'array',
      operation: 'PUT private/snapshot Restore',
      nth: 1,
      when: 'after',
      action: { do: 'drop' },
    });
    const from = world.events.events.length;

    expect((await failure(world.array.restore(snapshot, soon()))).effect).toBe('unknown');

    expect(world.operationsSince(from).filter((one) => one.startsWith('PUT'))).toHaveLength(1);
    expect(await states(snapshot)).toEqual(['restored', 'restored']);
  });
});

test('storage groups restore nothing: there a lost answer could not tell a restore that was ended from a snapshot that was deleted', async () => {
  const world = await openLabArray({ version: '10.3', generation: 'V4', knobs: { deviceListSnapVx: 'absent' } });
  const snapshot = { name: NAME, snapId: 1, devices: world.sources.slice(0, 1).map(({ device }) => device) };
  try {
    expect((await failure(world.array.restore(snapshot, soon()))).code).toBe('E_ARRAY_REFUSED');
    expect((await failure(world.array.endRestore(snapshot, soon()))).code).toBe('E_ARRAY_REFUSED');
  } finally {
    await world.close();
  }
});
