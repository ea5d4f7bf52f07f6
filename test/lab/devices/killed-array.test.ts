import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { DeviceStore } from '../../../src/lab/devices/device-store.ts';
import { CYLINDER_BYTES, TRACK_BYTES } from '../../../src/lab/devices/store-contract.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { SEED } from '../../seed.ts';
import { runUntilKilled } from './killed-process.ts';
import { fillTrack, openFixture, removeFixtures, snapOf } from './store-fixture.ts';
import { attempt, StoreModel } from './store-model.ts';
import { contentOf, deviceIds, expectSame, type Operation, operations, perform } from './store-operations.ts';

afterEach(removeFixtures);

const options = () => ({ pace: new Pace(0), events: new EventLog(), generation: 'V4' as const });
const sizes = Object.fromEntries(deviceIds.map((id) => [id, CYLINDER_BYTES]));

test('an array killed in the middle of any operation comes back with every snapshot intact and the operation whole or not at all', () => {
  let killed = 0;
  const property = fc.property(
    fc.array(operations, { maxLength: 25, size: 'max' }),
    operations,
    fc.nat({ max: 4 }),
    (earlier, last, changesAllowed) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'store-'));
      const store = DeviceStore.open(folder, options());
      for (const id of deviceIds) store.createDevice({ id, cylinders: 1 });
      const before = new StoreModel(sizes);
      for (const operation of earlier) perform(store, before, 'V4', operation);
      const after = before.clone();
      const wasKilled = runUntilKilled(changesAllowed, () => perform(store, after, 'V4', last));
      store.close();

      const reopened = DeviceStore.open(folder, options());
      try {
        if (!wasKilled) {
          expectSame(reopened, after);
          return;
        }
        killed++;
        expectRecovered(reopened, before, last);
        // And it works: every device can still be written, snapped and read.
        const { snapId } = reopened.establish({ name: 'next', devices: deviceIds });
        for (const id of deviceIds) {
          const then = contentOf(reopened, id);
          fillTrack(reopened, id, 2, 0x77);
          expect(reopened.readSnapshot(id, snapId).read(0, then.length).equals(then)).toBe(true);
        }
      } finally {
        reopened.close();
        rmSync(folder, { recursive: true });
      }
    },
  );
  fc.assert(property, { numRuns: 120, seed: SEED });
  expect(killed).toBeGreaterThan(25);
});

/** Compares with the state before; what the killed operation was about may be in the state after it. */
function expectRecovered(store: DeviceStore, before: StoreModel, last: Operation): void {
  const present = (id: string) => new Set(store.snapshots(id).map(({ snapId }) => snapId));
  const missing = before.allSnapshots().filter(({ source, snapId }) => !present(source).has(snapId));
  const added = [...before.devices].flatMap(([id, { snapshots }]) =>
    store.snapshots(id).filter(({ snapId }) => !snapshots.some((known) => known.snapId === snapId)),
  );
  expect(missing.length).toBeLessThanOrEqual(last.kind === 'terminate' ? 1 : 0);
  expect([0, last.kind === 'establish' ? last.devices.length : 0]).toContain(added.length);
  for (const { source, snapId } of added) {
    const { content } = before.device(source);
    expect(store.readSnapshot(source, snapId).read(0, content.length).equals(content)).toBe(true);
  }
  for (const { source, snapId, content } of before.allSnapshots()) {
    if (!present(source).has(snapId)) continue;
    if (!store.readSnapshot(source, snapId).read(0, content.length).equals(content)) {
      throw new Error(`snapshot ${snapId} of ${source} changed when the array was killed`);
    }
  }
  for (const [id, { content }] of before.devices) {
    if (mayDiffer(before, last, id)) continue;
    if (!contentOf(store, id).subarray(0, content.length).equals(content)) {
      throw new Error(`device ${id} changed when the array was killed in ${last.kind}`);
    }
  }
}

/** Live content that the killed operation was replacing. */
function mayDiffer(before: StoreModel, last: Operation, id: string): boolean {
  switch (last.kind) {
    case 'write':
    case 'host-write':
      return last.device === id;
    case 'link':
    case 'relink':
    case 'unlink':
      return last.target === id;
    case 'restore': {
      const all = before.allSnapshots();
      return all[last.pick % Math.max(1, all.length)]?.source === id;
    }
    default:
      return false;
  }
}

test('a write that the array was killed in changes nothing outside its range', () => {
  for (let changesAllowed = 0; changesAllowed < 8; changesAllowed++) {
    const { store, folder } = openFixture();
    fillTrack(store, '00001', 0, 1);
    const { snapId } = store.establish({ name: 'snap', devices: ['00001'] });
    store.link({ ...snapOf(snapId), pairs: [{ source: '00001', target: '00002' }], copy: false });

    for (const id of ['00001', '00002']) {
      runUntilKilled(changesAllowed, () => store.open(id).write(100, Buffer.alloc(50, 2)));
    }
    store.close();

    const reopened = DeviceStore.open(folder, options());
    for (const id of ['00001', '00002']) {
      const track = reopened.open(id).read(0, TRACK_BYTES);
      expect(track.subarray(0, 100).every((byte) => byte === 1)).toBe(true);
      expect(track.subarray(150).every((byte) => byte === 1)).toBe(true);
    }
    const then = reopened.readSnapshot('00001', snapId).read(0, TRACK_BYTES);
    expect(then.every((byte) => byte === 1)).toBe(true);
    reopened.close();
  }
});

test('a copy of the folder whose journal ends in the middle of a line opens as before that operation', () => {
  const { store, folder } = openFixture();
  fillTrack(store, '00001', 0, 1);
  store.establish({ name: 'first', devices: ['00001'] });
  fillTrack(store, '00001', 0, 2);
  const journal = path.join(folder, 'state.jsonl');
  const lengthBytes = statSync(journal).size;
  store.establish({ name: 'second', devices: ['00001', '00002'] });
  const lineBytes = statSync(journal).size - lengthBytes;

  for (let cut = 1; cut <= lineBytes; cut += 7) {
    const copy = `${folder}-copy`;
    cpSync(folder, copy, { recursive: true });
    truncateSync(path.join(copy, 'state.jsonl'), lengthBytes + lineBytes - cut);
    const reopened = DeviceStore.open(copy, options());
    expect(reopened.snapshots('00001').map(({ name }) => name)).toEqual(['first']);
    expect(reopened.snapshots('00002')).toEqual([]);
    const { snapId } = reopened.establish({ name: 'again', devices: ['00001'] });
    expect(reopened.readSnapshot('00001', snapId).read(0, 1)[0]).toBe(2);
    reopened.close();
    rmSync(copy, { recursive: true });
  }
});

test('a journal that is damaged elsewhere than at its end is not opened', () => {
  const { store, folder } = openFixture();
  store.close();
  appendFileSync(path.join(folder, 'state.jsonl'), 'not json\n{"set":{}}\n');

  expect(attempt(() => DeviceStore.open(folder, options()))).toBe('state-damaged');
});

test('files that no record speaks of are removed at start', () => {
  const fixture = openFixture();
  const { store, folder } = fixture;
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'] });
  fillTrack(store, '00001', 0, 1);
  appendFileSync(path.join(folder, 'snapshots', '00001-99.delta'), 'left over');
  appendFileSync(path.join(folder, 'devices', '0000E.raw'), 'left over');

  fixture.reopen();

  expect(readdirSync(path.join(folder, 'snapshots'))).toEqual([`00001-${snapId}.kept`]);
  expect(existsSync(path.join(folder, 'devices', '0000E.raw'))).toBe(false);
});

test('the journal does not grow without end', () => {
  const { store, folder } = openFixture();
  for (let round = 0; round < 3000; round++) {
    const { snapId } = store.establish({ name: 'snap', devices: ['00001'] });
    store.terminate({ ...snapOf(snapId), devices: ['00001'] });
  }

  expect(readFileSync(path.join(folder, 'state.jsonl'), 'utf8').split('\n').length).toBeLessThan(2100);
});
