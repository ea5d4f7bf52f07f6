import type { Device, Snapshot } from './device-record.ts';
import { type SnapshotSelect, StoreError } from './store-contract.ts';
import { deviceOf, type StoreState } from './store-state.ts';

/** Position among the snapshots of one name on one source, newest first. */
export function generationOf(snapshot: Snapshot): number {
  const { snapshots } = snapshot.source;
  let generation = 0;
  for (let at = snapshots.length - 1; at >= 0 && snapshots[at] !== snapshot; at--) {
    if (snapshots[at]?.name === snapshot.name) generation++;
  }
  return generation;
}

export function snapshotOf(source: Device, name: string, select: SnapshotSelect): Snapshot {
  const named = source.snapshots.filter((snapshot) => snapshot.name === name);
  const found =
    'snapId' in select
      ? named.find(({ snapId }) => snapId === select.snapId)
      : named[named.length - 1 - select.generation];
  if (found) return found;
  const which = 'snapId' in select ? `snap id ${select.snapId}` : `generation ${select.generation}`;
  throw new StoreError('no-such-snapshot', `device "${source.id}" has no snapshot "${name}" with ${which}`, {
    device: source.id,
    snapshot: name,
  });
}

export function snapshotById(source: Device, snapId: number): Snapshot {
  const found = source.snapshots.find((snapshot) => snapshot.snapId === snapId);
  if (found) return found;
  throw new StoreError('no-such-snapshot', `device "${source.id}" has no snapshot with snap id ${snapId}`, {
    device: source.id,
  });
}

/** The named devices, each once. */
export function devicesOf(state: StoreState, ids: readonly string[]): readonly Device[] {
  if (ids.length === 0) throw new StoreError('no-devices', 'no device was named');
  const devices = new Set<Device>();
  for (const id of ids) {
    const device = deviceOf(state, id);
    if (devices.has(device)) throw new StoreError('device-twice', `device "${id}" was named twice`, { device: id });
    devices.add(device);
  }
  return [...devices];
}

export function snapshotsOf(
  state: StoreState,
  request: { readonly name: string; readonly select: SnapshotSelect; readonly devices: readonly string[] },
): readonly Snapshot[] {
  return devicesOf(state, request.devices).map((device) => snapshotOf(device, request.name, request.select));
}
