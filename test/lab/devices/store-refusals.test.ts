import { openFixture, removeFixtures, snapOf } from './store-fixture.ts';
import { attempt } from './store-model.ts';

afterEach(removeFixtures);

const snap = { name: 'snap', select: { generation: 0 } };
const pair = (source: string, target: string) => ({ source, target });

function withSnapshot(options: Parameters<typeof openFixture>[0] = {}) {
  const { store, events } = openFixture({ generation: 'V4', ...options });
  store.createDevice({ id: '00004', cylinders: 2 });
  store.createDevice({ id: '00005', cylinders: 2, emulation: 'CKD' });
  store.establish({ name: 'snap', devices: ['00001', '00004'] });
  const link = (...pairs: { source: string; target: string }[]) =>
    attempt(() => store.link({ ...snap, pairs, copy: false }));
  const unlink = (...pairs: { source: string; target: string }[]) =>
    attempt(() => store.unlink({ ...snap, pairs, symforce: false }));
  return { store, events, link, unlink };
}

test('devices: unknown, existing, wrong id, wrong size, shrinking', () => {
  const { store } = openFixture();

  expect(attempt(() => store.open('0000F'))).toBe('no-such-device');
  expect(store.device('0000F')).toBeUndefined();
  expect(attempt(() => store.createDevice({ id: '00001', cylinders: 1 }))).toBe('device-exists');
  expect(attempt(() => store.createDevice({ id: '../01', cylinders: 1 }))).toBe('bad-device-id');
  expect(attempt(() => store.createDevice({ id: '0000A', cylinders: 0 }))).toBe('bad-size');
  expect(attempt(() => store.createDevice({ id: '0000A', cylinders: 1.5 }))).toBe('bad-size');
  expect(attempt(() => store.expandDevice('00001', 1))).toBe('bad-size');
});

test('reads and writes beyond the end of a device', () => {
  const opened = openFixture().store.open('00001');

  expect(attempt(() => opened.read(opened.sizeBytes - 1, 2))).toBe('out-of-range');
  expect(attempt(() => opened.write(opened.sizeBytes - 1, Buffer.alloc(2)))).toBe('out-of-range');
  expect(attempt(() => opened.write(-1, Buffer.alloc(2)))).toBe('out-of-range');
});

test('deleting a device that is a source or a target', () => {
  const { store, link, unlink } = withSnapshot();
  link(pair('00001', '00002'));

  expect(attempt(() => store.deleteDevice('00001'))).toBe('device-in-session');
  expect(attempt(() => store.deleteDevice('00002'))).toBe('device-in-session');
  const opened = store.open('00002');
  unlink(pair('00001', '00002'));
  store.deleteDevice('00002');
  expect(attempt(() => opened.read(0, 1))).toBe('no-such-device');
});

test('establish: names, durations, device lists, limit', () => {
  const { store } = openFixture({ maxSnapshotsPerSource: 2 });
  const establish = (name: string, devices: string[], ttlMs = 1) =>
    attempt(() => store.establish({ name, devices, ttlMs }));

  for (const name of ['', 'a b', 'x'.repeat(33), 'ä', 'a/b']) expect(establish(name, ['00001'])).toBe('bad-name');
  expect(establish('x'.repeat(32), ['00001'])).toBeUndefined();
  for (const ttlMs of [0, Number.NaN, Number.POSITIVE_INFINITY, 1e15])
    expect(establish('Az09_-', ['00001'], ttlMs)).toBe('bad-time');
  expect(establish('Az09_-', [])).toBe('no-devices');
  expect(establish('Az09_-', ['00001', '00001'])).toBe('device-twice');
  expect(establish('Az09_-', ['00001'])).toBeUndefined();
  expect(establish('Az09_-', ['00002', '00001'])).toBe('max-snapshots');
  expect(store.snapshots('00002')).toEqual([]);
});

test('a snapshot that is not there: other name, other snap id, generation beyond the oldest, other source', () => {
  const { store } = withSnapshot();
  const terminate = (name: string, select: { snapId: number } | { generation: number }, device = '00001') =>
    attempt(() => store.terminate({ name, select, devices: [device] }));

  expect(terminate('Snap', { generation: 0 })).toBe('no-such-snapshot');
  expect(terminate('snap', { snapId: 1 })).toBe('no-such-snapshot');
  expect(terminate('snap', { generation: 1 })).toBe('no-such-snapshot');
  expect(terminate('snap', { generation: -1 })).toBe('no-such-snapshot');
  expect(terminate('snap', { generation: 0 }, '00002')).toBe('no-such-snapshot');
  expect(attempt(() => store.readSnapshot('00001', 1))).toBe('no-such-snapshot');
});

test('link: itself, too small, other emulation, taken target, linked already, one target twice', () => {
  const { store, link } = withSnapshot();

  expect(link(pair('00001', '00001'))).toBe('self-link');
  expect(link(pair('00004', '00002'))).toBe('target-too-small');
  expect(link(pair('00001', '00005'))).toBe('emulation-mismatch');
  expect(link(pair('00001', '0000F'))).toBe('no-such-device');
  expect(link(pair('00001', '00002'), pair('00001', '00002'))).toBe('device-twice');
  expect(attempt(() => store.link({ ...snap, pairs: [], copy: false }))).toBe('no-devices');
  expect(link(pair('00001', '00002'))).toBeUndefined();
  expect(link(pair('00001', '00002'))).toBe('already-linked');
  store.establish({ name: 'snap', devices: ['00001'] });
  expect(link(pair('00001', '00002'))).toBe('already-target');
});

test('more targets than a source can have, counted over all its snapshots', () => {
  const { store, link } = withSnapshot({ maxTargetsPerSource: 2 });
  expect(link(pair('00001', '00002'))).toBeUndefined();
  store.establish({ name: 'snap', devices: ['00001'] });

  expect(link(pair('00001', '00003'), pair('00001', '00004'))).toBe('max-targets');
  expect(link(pair('00001', '00003'))).toBeUndefined();
});

test('unlink, relink and mode of a pair that is not linked', () => {
  const { store, link, unlink } = withSnapshot();
  expect(unlink(pair('00001', '00002'))).toBe('not-linked');
  link(pair('00001', '00002'));
  store.establish({ name: 'snap', devices: ['00001'] });

  // Generation 0 is another snapshot by now: the usual trap of unlinking by generation.
  expect(unlink(pair('00001', '00002'))).toBe('not-linked');
  const other = { ...snap, pairs: [pair('00004', '00004')], copy: false };
  expect(attempt(() => store.relink(other))).toBe('self-link');
  expect(attempt(() => store.relink({ ...snap, pairs: [pair('00001', '00003')], copy: false }))).toBe('not-linked');
  expect(attempt(() => store.setCopyMode({ ...snap, pairs: [pair('00001', '00003')], copy: true }))).toBe('not-linked');
});

test('terminate of a linked snapshot', () => {
  const { store, link } = withSnapshot();
  link(pair('00001', '00002'));

  expect(attempt(() => store.terminate({ ...snap, devices: ['00001'] }))).toBe('snapshot-linked');
});

test('an operation on several devices that one of them refuses changes none of them and reports no effect', () => {
  const { store, events, link } = withSnapshot();
  link(pair('00001', '00002'));
  const before = events.events.length;

  expect(attempt(() => store.terminate({ ...snap, devices: ['00004', '00001'] }))).toBe('snapshot-linked');
  expect(link(pair('00001', '00003'), pair('00001', '00005'))).toBe('emulation-mismatch');
  expect(attempt(() => store.restore({ ...snap, devices: ['00004', '00002'] }))).toBe('no-such-snapshot');
  expect(attempt(() => store.establish({ name: 'late', devices: ['00003', '0000F'] }))).toBe('no-such-device');

  expect(store.snapshots('00004')).toMatchObject([{ state: ['Established'], links: [] }]);
  expect(store.linkOf('00003')).toBeUndefined();
  expect(store.snapshots('00003')).toEqual([]);
  expect(events.events).toHaveLength(before);
});

test('a refusal names what it is about', () => {
  const { store } = withSnapshot();

  expect(() => store.link({ ...snap, pairs: [pair('00004', '00002')], copy: false })).toThrow(
    expect.objectContaining({ reason: 'target-too-small', device: '00004', snapshot: 'snap', target: '00002' }),
  );
});

test('a snapshot view is read-only and ends with its snapshot', () => {
  const { store } = withSnapshot();
  const snapId = store.snapshots('00001')[0]?.snapId ?? 0;
  const view = store.readSnapshot('00001', snapId);

  expect(attempt(() => view.write(0, Buffer.alloc(1)))).toBe('read-only');
  store.terminate({ ...snapOf(snapId), devices: ['00001'] });
  expect(attempt(() => view.read(0, 1))).toBe('no-such-snapshot');
});

test('a closed store serves nothing', () => {
  const { store } = openFixture();
  const opened = store.open('00001');
  store.close();

  expect(attempt(() => store.devices())).toBe('store-closed');
  expect(attempt(() => opened.write(0, Buffer.alloc(1)))).toBe('store-closed');
});

test('every change of the array is an effect in the event log', () => {
  const { store, events, link, unlink } = withSnapshot();
  const seq = events.events.length;
  link(pair('00001', '00002'));
  unlink(pair('00001', '00002'));
  store.restore({ ...snap, devices: ['00001'] });
  store.terminate({ ...snap, devices: ['00001'] });
  store.terminate({ ...snap, devices: ['00001'] });
  store.establish({ name: 'next', devices: ['00001', '00002'] });

  const effects = events.since(seq);
  expect(effects.map(({ system, kind, operation, object }) => [system, kind, operation, object])).toEqual(
    [['link'], ['unlink'], ['restore'], ['end-restore'], ['terminate'], ['establish', 'next']].map(
      ([operation, object = 'snap']) => ['array', 'effect', operation, object],
    ),
  );
  expect(effects.at(-1)?.detail).toMatchObject({
    devices: ['00001', '00002'],
    snapId: store.snapshots('00001')[0]?.snapId,
    atMs: expect.any(Number),
  });
});
