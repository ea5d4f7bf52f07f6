import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import type { DeviceStore } from '../../../src/lab/devices/device-store.ts';
import { type ArrayGeneration, CYLINDER_BYTES, TRACK_BYTES } from '../../../src/lab/devices/store-contract.ts';
import { attempt, type ModelSnapshot, type StoreModel } from './store-model.ts';

export const deviceIds = ['00001', '00002', '00003', '00004'] as const;
const names = ['daily', 'weekly'] as const;

const device = fc.constantFrom(...deviceIds);
const pick = fc.nat({ max: 1000 });

/** `pick` chooses one of the snapshots there are at that moment. */
export const operations = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      device,
      offsetBytes: fc.nat({ max: CYLINDER_BYTES - 1 }),
      lengthBytes: fc.oneof(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: TRACK_BYTES, max: 3 * TRACK_BYTES })),
      fill: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('establish' as const),
      devices: fc.uniqueArray(device, { minLength: 1, maxLength: 3 }),
      name: fc.constantFrom(...names),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('link' as const, 'relink' as const),
      pick,
      target: device,
      copy: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('unlink' as const), target: device, symforce: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('restore' as const, 'terminate' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expand' as const), device }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('host' as const), device, visible: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('host-write' as const),
      device,
      offsetBytes: fc.nat({ max: CYLINDER_BYTES - 4096 }),
    }),
  },
);

export type Operation = typeof operations extends fc.Arbitrary<infer T> ? T : never;

/** Does one operation on the store and on the model; a refusal must be the one the model expects. */
export function perform(
  store: DeviceStore,
  model: StoreModel,
  generation: ArrayGeneration,
  operation: Operation,
): void {
  switch (operation.kind) {
    case 'write': {
      const room = model.device(operation.device).content.length - operation.offsetBytes;
      const data = Buffer.alloc(Math.min(operation.lengthBytes, room), operation.fill);
      store.open(operation.device).write(operation.offsetBytes, data);
      model.write(operation.device, operation.offsetBytes, data);
      return;
    }
    case 'establish': {
      const { snapId } = store.establish(operation);
      model.establish(operation.devices, operation.name, snapId);
      return;
    }
    case 'link':
    case 'relink': {
      const snapshot = choose(model, operation.pick);
      if (!snapshot) return;
      const pairs = [{ source: snapshot.source, target: operation.target }];
      const request = { name: snapshot.name, select: { snapId: snapshot.snapId }, pairs, copy: operation.copy };
      const refusal = attempt(() => store[operation.kind](request));
      expect(refusal).toBe(linkRefusal(model, operation.kind, snapshot, operation.target));
      if (!refusal) model.link(snapshot, operation.target, operation.copy);
      return;
    }
    case 'unlink': {
      const { target, symforce } = operation;
      const link = model.device(target).link;
      if (!link) return;
      const { source, name, snapId } = link.snapshot;
      const request = { name, select: { snapId }, pairs: [{ source, target }], symforce };
      const refusal = attempt(() => store.unlink(request));
      const mayFail = generation === 'V3' && !symforce && !link.copied;
      expect(refusal).toBe(mayFail ? (link.copy ? 'copy-in-progress' : 'target-undefined') : undefined);
      if (!refusal) model.unlink(target, contentOf(store, target));
      return;
    }
    case 'restore': {
      const snapshot = choose(model, operation.pick);
      if (!snapshot) return;
      const refusal = attempt(() => store.restore(selecting(model, snapshot)));
      const busy = model.device(snapshot.source).snapshots.some(({ restored }) => restored);
      expect(refusal).toBe(snapshot.restored ? 'already-restored' : busy ? 'device-in-session' : undefined);
      if (!refusal) model.restore(snapshot);
      return;
    }
    case 'terminate': {
      const snapshot = choose(model, operation.pick);
      if (!snapshot) return;
      const refusal = attempt(() => store.terminate(selecting(model, snapshot)));
      expect(refusal).toBe(!snapshot.restored && model.isLinked(snapshot) ? 'snapshot-linked' : undefined);
      if (!refusal) model.terminate(snapshot);
      return;
    }
    case 'expand': {
      const cylinders = model.device(operation.device).content.length / CYLINDER_BYTES + 1;
      if (cylinders > 2) return;
      store.expandDevice(operation.device, cylinders);
      model.expand(operation.device, cylinders * CYLINDER_BYTES);
      return;
    }
    case 'host':
      store.setHostVisible(operation.device, operation.visible);
      model.device(operation.device).hostVisible = operation.visible;
      return;
    case 'host-write': {
      const target = model.device(operation.device);
      if (!target.hostVisible || target.snapshots.length > 0) return;
      const data = Buffer.alloc(4096, 0x48);
      const node = openSync(store.rawFileOf(operation.device), 'r+');
      writeSync(node, data, 0, data.length, operation.offsetBytes);
      closeSync(node);
      model.write(operation.device, operation.offsetBytes, data);
    }
  }
}

/** Every device, snapshot, link, extent and list of changes is what the model says. */
export function expectSame(store: DeviceStore, model: StoreModel): void {
  for (const [id, expected] of model.devices) {
    const content = contentOf(store, id);
    if (!content.equals(expected.content))
      throw new Error(`device ${id}: ${firstDifference(content, expected.content)}`);
    expect(store.device(id)?.sizeBytes).toBe(expected.content.length);
    expectCovered(`device ${id}`, content, store.extents(id));
    const link = store.linkOf(id);
    expect(link && [link.source, link.snapId]).toEqual(
      expected.link && [expected.link.snapshot.source, expected.link.snapshot.snapId],
    );
    if (expected.hostVisible) {
      const raw = readFileSync(store.rawFileOf(id));
      if (!raw.equals(expected.content)) throw new Error(`node of ${id}: ${firstDifference(raw, expected.content)}`);
    }
    const listed = store.snapshots(id).map(({ snapId, name, generation }) => ({ snapId, name, generation }));
    expect(listed).toEqual(expectedList(expected.snapshots));
    for (const snapshot of expected.snapshots) expectSameSnapshot(store, snapshot, expected.content);
  }
}

export function contentOf(store: DeviceStore, id: string): Buffer {
  const opened = store.open(id);
  return opened.read(0, opened.sizeBytes);
}

function expectSameSnapshot(store: DeviceStore, expected: ModelSnapshot, live: Buffer): void {
  const { source, snapId } = expected;
  const view = store.readSnapshot(source, snapId);
  const content = view.read(0, view.sizeBytes);
  if (!content.equals(expected.content)) {
    throw new Error(`snapshot ${snapId} of ${source}: ${firstDifference(content, expected.content)}`);
  }
  expectCovered(`snapshot ${snapId} of ${source}`, content, store.snapshotExtents(source, snapId));
  const changed = new Set(store.changedTracksSince(source, snapId));
  for (let track = 0; track * TRACK_BYTES < live.length; track++) {
    const range = [track * TRACK_BYTES, (track + 1) * TRACK_BYTES] as const;
    const then = track * TRACK_BYTES < content.length ? content.subarray(...range) : Buffer.alloc(TRACK_BYTES);
    const differs = !then.equals(live.subarray(...range));
    if (differs && !changed.has(track)) throw new Error(`track ${track} of ${source} changed, but is not listed`);
  }
  if (!expected.replaced) expect([...changed]).toEqual([...expected.written].sort((a, b) => a - b));
}

function expectCovered(what: string, content: Buffer, extents: ReturnType<DeviceStore['extents']>): void {
  const allocated = new Set(
    extents.flatMap(({ firstTrack, tracks }) => Array.from({ length: tracks }, (_, at) => firstTrack + at)),
  );
  const empty = Buffer.alloc(TRACK_BYTES);
  for (let track = 0; track * TRACK_BYTES < content.length; track++) {
    if (allocated.has(track)) continue;
    if (!content.subarray(track * TRACK_BYTES, (track + 1) * TRACK_BYTES).equals(empty)) {
      throw new Error(`${what}: track ${track} holds data outside the extents`);
    }
  }
}

function expectedList(snapshots: readonly ModelSnapshot[]) {
  return snapshots.toReversed().map(({ snapId, name }, at, newestFirst) => ({
    snapId,
    name,
    generation: newestFirst.slice(0, at).filter((newer) => newer.name === name).length,
  }));
}

function choose(model: StoreModel, pick: number): ModelSnapshot | undefined {
  const all = model.allSnapshots();
  return all[pick % Math.max(1, all.length)];
}

/** By generation, so that renumbering is put to use. */
function selecting(model: StoreModel, { source, name, snapId }: ModelSnapshot) {
  const newer = model.device(source).snapshots.filter((other) => other.name === name && other.snapId > snapId);
  return { name, select: { generation: newer.length }, devices: [source] };
}

function linkRefusal(model: StoreModel, kind: 'link' | 'relink', snapshot: ModelSnapshot, targetId: string) {
  const target = model.device(targetId);
  if (targetId === snapshot.source) return 'self-link';
  if (target.content.length < snapshot.content.length) return 'target-too-small';
  if (kind === 'relink') return target.link?.snapshot.source === snapshot.source ? undefined : 'not-linked';
  if (!target.link) return undefined;
  return target.link.snapshot === snapshot ? 'already-linked' : 'already-target';
}

function firstDifference(actual: Buffer, expected: Buffer): string {
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  return `byte ${at} (track ${Math.floor(at / TRACK_BYTES)}) is ${actual[at]} instead of ${expected[at]}, lengths ${actual.length} and ${expected.length}`;
}
