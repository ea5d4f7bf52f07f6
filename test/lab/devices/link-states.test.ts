import { Pace } from '../../../src/lab/world/pace.ts';
import { byteOf, fillTrack, openFixture, removeFixtures, snapOf } from './store-fixture.ts';
import { attempt } from './store-model.ts';

afterEach(removeFixtures);

const pairs = [{ source: '00001', target: '00002' }];

function linked(options: Parameters<typeof openFixture>[0], copy: boolean) {
  const fixture = openFixture(options);
  fillTrack(fixture.store, '00001', 0, 1);
  const { snapId } = fixture.store.establish({ name: 'snap', devices: ['00001'] });
  const request = { ...snapOf(snapId), pairs };
  fixture.store.link({ ...request, copy });
  return { ...fixture, request, info: () => fixture.store.linkOf('00002')?.info };
}

test('a V3 target gets defined after a while; until then unlink is refused but for symforce', () => {
  const { store, advance, request, info } = linked({ defineMs: 2000, defineTracksPerSecond: 15 }, false);

  advance(1500);
  expect(info()).toMatchObject({ defined: false, backgroundDefineInProgress: true, definedPercent: 50 });
  expect(attempt(() => store.unlink({ ...request, symforce: false }))).toBe('target-undefined');
  advance(1500);
  expect(info()).toMatchObject({ defined: true, backgroundDefineInProgress: false, definedPercent: 100 });
  store.unlink({ ...request, symforce: false });

  expect(store.linkOf('00002')).toBeUndefined();
});

test('symforce frees an undefined V3 target', () => {
  const { store, request } = linked({}, false);

  store.unlink({ ...request, symforce: true });

  expect(store.device('00002')?.isTarget).toBe(false);
});

test('a V4 target is never defined and can be unlinked at once', () => {
  const { store, advance, request, info } = linked({ generation: 'V4' }, false);

  advance(1e9);
  expect(info()).toMatchObject({ defined: false, backgroundDefineInProgress: false, definedPercent: 0 });
  store.unlink({ ...request, symforce: false });

  expect(store.linkOf('00002')).toBeUndefined();
});

test('a target shows the point in time, its writes stay its own, and after unlink its content is undefined', () => {
  const { store, request, info } = linked({ generation: 'V4' }, false);
  fillTrack(store, '00001', 0, 2);
  expect(byteOf(store, '00002', 0)).toBe(1);
  expect(info()).toMatchObject({ state: 'Linked', modified: false, percentageCopied: 0 });

  fillTrack(store, '00002', 5, 9);
  expect(info()).toMatchObject({ modified: true });
  expect(byteOf(store, '00001', 5)).toBe(0);
  store.unlink({ ...request, symforce: false });

  expect(store.open('00002').read(0, 9).toString()).toBe('UNDEFINED');
  expect(byteOf(store, '00002', 5)).toBe('U'.charCodeAt(0));
  expect(byteOf(store, '00002', 1)).toBe(0);
});

test('a copy link is copied in the background, then the target keeps the data', async () => {
  const { store, request, info } = linked({ pace: new Pace(0.01), copyTracksPerSecond: 3 }, true);
  expect(info()).toMatchObject({ state: 'CopyInProg', copy: true });
  expect(attempt(() => store.unlink({ ...request, symforce: false }))).toBe('copy-in-progress');

  const seen = new Set<number>();
  while (info()?.state !== 'Copied') {
    seen.add(info()?.percentageCopied ?? -1);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  fillTrack(store, '00001', 0, 2);
  store.unlink({ ...request, symforce: false });

  expect(seen.size).toBeGreaterThan(2);
  expect(byteOf(store, '00002', 0)).toBe(1);
});

test('copying goes on after the array was restarted, from where it stood', async () => {
  const fixture = openFixture({ pace: new Pace(0.01), copyTracksPerSecond: 3 });
  fillTrack(fixture.store, '00001', 14, 7);
  const { snapId } = fixture.store.establish({ name: 'snap', devices: ['00001'] });
  fixture.store.link({ ...snapOf(snapId), pairs, copy: true });
  const percentage = () => fixture.store.linkOf('00002')?.info.percentageCopied ?? -1;
  while (percentage() < 20) await new Promise((resolve) => setTimeout(resolve, 2));

  fixture.reopen();

  expect(percentage()).toBeGreaterThanOrEqual(20);
  while (percentage() < 100) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(byteOf(fixture.store, '00002', 14)).toBe(7);
});

test('relink shows another snapshot of the source and drops what was written to the target', () => {
  const { store, request } = linked({ generation: 'V4' }, false);
  fillTrack(store, '00002', 4, 9);
  fillTrack(store, '00001', 0, 2);
  const later = store.establish({ name: 'later', devices: ['00001'] });

  store.relink({ ...snapOf(later.snapId, 'later'), pairs, copy: false });

  expect(byteOf(store, '00002', 0)).toBe(2);
  expect(byteOf(store, '00002', 4)).toBe(0);
  expect(store.linkOf('00002')).toMatchObject({ name: 'later', info: { modified: false } });
  store.terminate({ name: request.name, select: request.select, devices: ['00001'] });
  expect(store.snapshots('00001')).toHaveLength(1);
});

test('the copy mode of a link can be changed, but not to what it is', () => {
  const { store, request, info } = linked({}, false);

  expect(attempt(() => store.setCopyMode({ ...request, copy: false }))).toBe('already-in-mode');
  store.setCopyMode({ ...request, copy: true });

  expect(info()).toMatchObject({ copy: true, state: 'CopyInProg' });
});

test('a larger target shows zeros behind the end of its snapshot', () => {
  const { store } = openFixture();
  store.expandDevice('00003', 2);
  fillTrack(store, '00003', 20, 5);
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'] });

  store.link({ ...snapOf(snapId), pairs: [{ source: '00001', target: '00003' }], copy: false });

  expect(byteOf(store, '00003', 20)).toBe(0);
});
