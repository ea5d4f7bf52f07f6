import { Pace } from '../../../src/lab/world/pace.ts';
import { byteOf, fillTrack, openFixture, removeFixtures, snapOf } from './store-fixture.ts';
import { attempt } from './store-model.ts';

afterEach(removeFixtures);

const hourMs = 3_600_000;

test('one establish gives all devices one snap id of the real form, and later ones larger ids', () => {
  const { store } = openFixture();

  const first = store.establish({ name: 'snap', devices: ['00001', '00002'] }).snapId;
  const second = store.establish({ name: 'snap', devices: ['00003'] }).snapId;

  expect(store.snapshots('00001')[0]?.snapId).toBe(first);
  expect(store.snapshots('00002')[0]?.snapId).toBe(first);
  expect(second).toBeGreaterThan(first);
  expect(first % 256).toBeLessThan(16);
  expect(first).toBeGreaterThan(1e11);
});

test('generations count from the newest of a name and are renumbered by terminate', () => {
  const { store } = openFixture();
  const ids = [1, 2, 3].map(() => store.establish({ name: 'snap', devices: ['00001'] }).snapId);
  store.establish({ name: 'other', devices: ['00001'] });
  const generations = () => store.snapshots('00001').map(({ name, snapId, generation }) => [name, snapId, generation]);

  expect(generations()).toEqual([
    ['other', expect.any(Number), 0],
    ['snap', ids[2], 0],
    ['snap', ids[1], 1],
    ['snap', ids[0], 2],
  ]);
  store.terminate({ name: 'snap', select: { generation: 0 }, devices: ['00001'] });

  expect(generations().slice(1)).toEqual([
    ['snap', ids[1], 0],
    ['snap', ids[0], 1],
  ]);
});

test('a snapshot disappears when its time to live is over, also when the array was restarted meanwhile', () => {
  const fixture = openFixture();
  fixture.store.establish({ name: 'snap', devices: ['00001'], ttlMs: hourMs });
  const [info] = fixture.store.snapshots('00001');
  expect(info?.expiresAt?.getTime()).toBe((info?.createdAt.getTime() ?? 0) + hourMs);

  fixture.advance(hourMs - 1);
  expect(fixture.store.snapshots('00001')).toHaveLength(1);
  fixture.reopen();
  fixture.advance(1);

  expect(fixture.store.snapshots('00001')).toEqual([]);
  expect(fixture.events.events.at(-1)).toMatchObject({ system: 'array', operation: 'expire', object: 'snap' });
});

test('an expired snapshot stays while it is linked and goes with its last link', () => {
  const { store, advance } = openFixture({ generation: 'V4' });
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'], ttlMs: hourMs });
  const request = { ...snapOf(snapId), pairs: [{ source: '00001', target: '00002' }] };
  store.link({ ...request, copy: false });

  advance(hourMs);
  expect(store.snapshots('00001')).toMatchObject([{ expired: true, links: [{ target: '00002' }] }]);
  store.unlink({ ...request, symforce: false });

  expect(store.snapshots('00001')).toEqual([]);
});

test('an expired snapshot stays while it has a restore session', () => {
  const { store, advance } = openFixture();
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'], ttlMs: hourMs });
  store.restore({ ...snapOf(snapId), devices: ['00001'] });

  advance(hourMs);
  expect(store.snapshots('00001')).toMatchObject([{ expired: true, state: ['Established', 'Restored'] }]);
  store.terminate({ ...snapOf(snapId), devices: ['00001'] });

  expect(store.snapshots('00001')).toEqual([]);
});

test('expiry needs nobody to ask: the array does it by itself, in time shrunk by the pace', async () => {
  const { store, events } = openFixture({ pace: new Pace(1e-5), clock: () => new Date() });
  store.establish({ name: 'snap', devices: ['00001'], ttlMs: hourMs });

  await new Promise<void>((resolve) => {
    events.onEvent(({ operation }) => operation === 'expire' && resolve());
  });

  expect(store.snapshots('00001')).toEqual([]);
});

test('a time to live can be set, changed and taken away later', () => {
  const { store, advance } = openFixture();
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'] });
  const request = { ...snapOf(snapId), devices: ['00001'] };

  store.setTimeToLive({ ...request, ttlMs: hourMs });
  store.setTimeToLive({ ...request, ttlMs: 3 * hourMs });
  advance(2 * hourMs);
  expect(store.snapshots('00001')).toHaveLength(1);
  store.setTimeToLive(request);
  advance(2 * hourMs);

  expect(store.snapshots('00001')).toMatchObject([{ expired: false }]);
});

test('a secured snapshot cannot be terminated nor its protection shortened, and goes by itself when it ends', () => {
  const { store, advance } = openFixture();
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'], ttlMs: hourMs, secureMs: 2 * hourMs });
  const request = { ...snapOf(snapId), devices: ['00001'] };

  expect(attempt(() => store.terminate(request))).toBe('snapshot-secured');
  expect(attempt(() => store.setSecure({ ...request, secureMs: hourMs }))).toBe('snapshot-secured');
  advance(hourMs);
  expect(store.snapshots('00001')).toMatchObject([{ secured: true, expired: false }]);
  store.setSecure({ ...request, secureMs: 3 * hourMs });
  advance(hourMs);
  expect(attempt(() => store.terminate(request))).toBe('snapshot-secured');
  advance(hourMs);

  expect(store.snapshots('00001')).toEqual([]);
});

test('restore brings the point in time back, keeps newer snapshots, and needs two terminates to go', () => {
  const { store } = openFixture();
  fillTrack(store, '00001', 3, 1);
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'] });
  fillTrack(store, '00001', 3, 2);
  const newer = store.establish({ name: 'newer', devices: ['00001'] });
  fillTrack(store, '00001', 3, 3);
  const request = { ...snapOf(snapId), devices: ['00001'] };

  store.restore(request);

  expect(byteOf(store, '00001', 3)).toBe(1);
  expect(store.readSnapshot('00001', newer.snapId).read(3 * 131072, 1)[0]).toBe(2);
  expect(attempt(() => store.restore(request))).toBe('already-restored');
  expect(attempt(() => store.restore({ ...snapOf(newer.snapId, 'newer'), devices: ['00001'] }))).toBe(
    'device-in-session',
  );
  store.terminate(request);
  expect(store.snapshots('00001').map(({ name, state }) => [name, state])).toEqual([
    ['newer', ['Established']],
    ['snap', ['Established']],
  ]);
  expect(attempt(() => store.terminate({ ...request, restoreSessionOnly: true }))).toBe('not-restored');
  store.terminate(request);
  expect(store.snapshots('00001').map(({ name }) => name)).toEqual(['newer']);
});

test('a renamed snapshot is found by its new name only', () => {
  const { store } = openFixture();
  const { snapId } = store.establish({ name: 'snap', devices: ['00001', '00002'] });
  const request = { ...snapOf(snapId), devices: ['00001', '00002'] };

  store.rename({ ...request, newName: 'kept' });

  expect(attempt(() => store.rename({ ...request, newName: 'again' }))).toBe('no-such-snapshot');
  expect(store.snapshots('00002')).toMatchObject([{ name: 'kept', snapId }]);
});

test('a snapshot lists the tracks it keeps and the tracks changed since', () => {
  const { store } = openFixture();
  fillTrack(store, '00001', 1, 1);
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'] });
  fillTrack(store, '00001', 1, 2);
  fillTrack(store, '00001', 7, 2);

  expect(store.changedTracksSince('00001', snapId)).toEqual([1, 7]);
  expect(store.snapshots('00001')).toMatchObject([{ tracks: 1, sizeTracks: 15 }]);
  expect(store.snapshotExtents('00001', snapId)).toEqual([{ firstTrack: 1, tracks: 1 }]);
  expect(store.extents('00001')).toEqual([
    { firstTrack: 1, tracks: 1 },
    { firstTrack: 7, tracks: 1 },
  ]);
});
