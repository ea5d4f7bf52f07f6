import type { BlockDevice } from './block-device.ts';
import type { DeviceStore } from './device-store.ts';
import { TRACK_BYTES, type TrackRun } from './store-contract.ts';

/** What a client can open by name. */
export interface NbdExport {
  readonly name: string;
  readonly description: string;
  readonly readOnly: boolean;
  readonly blocks: BlockDevice;
  /** Runs of tracks that may hold something else than zeros, ascending. */
  extents(): readonly TrackRun[];
}

/** A range of bytes, `allocated` when it may hold something else than zeros. */
export interface Extent {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly allocated: boolean;
}

/**
 * A device is exported by its id, and while it is a target that shows its snapshot. A snapshot is `ID@SNAPID`, for
 * reading only.
 */
export function exportNames(store: DeviceStore): readonly string[] {
  return store.devices().flatMap(({ id }) => [id, ...store.snapshots(id).map(({ snapId }) => `${id}@${snapId}`)]);
}

export function findExport(store: DeviceStore, name: string): NbdExport | undefined {
  const [, id, snapId] = /^([0-9A-F]{5})(?:@([0-9]+))?$/.exec(name) ?? [];
  if (id === undefined || store.device(id) === undefined) return undefined;
  return snapId === undefined ? deviceExport(store, id) : snapshotExport(store, id, Number(snapId));
}

function deviceExport(store: DeviceStore, id: string): NbdExport {
  const link = store.linkOf(id);
  return {
    name: id,
    description: link ? `target of snapshot "${link.name}" of device "${link.source}"` : `device "${id}"`,
    readOnly: false,
    blocks: store.open(id),
    extents: () => store.extents(id),
  };
}

function snapshotExport(store: DeviceStore, id: string, snapId: number): NbdExport | undefined {
  const snapshot = store.snapshots(id).find((candidate) => candidate.snapId === snapId);
  if (snapshot === undefined) return undefined;
  return {
    name: `${id}@${snapId}`,
    description: `snapshot "${snapshot.name}" of device "${id}" at ${snapshot.createdAt.toISOString()}`,
    readOnly: true,
    blocks: store.readSnapshot(id, snapId),
    extents: () => store.snapshotExtents(id, snapId),
  };
}

/** The range, cut where holes begin and end; nothing for an empty range. */
export function extentsWithin({ extents }: NbdExport, offsetBytes: number, lengthBytes: number): readonly Extent[] {
  const found: Extent[] = [];
  const end = offsetBytes + lengthBytes;
  let at = offsetBytes;
  const addUpTo = (toBytes: number, allocated: boolean) => {
    const to = Math.min(toBytes, end);
    if (to <= at) return;
    found.push({ offsetBytes: at, lengthBytes: to - at, allocated });
    at = to;
  };
  for (const { firstTrack, tracks } of extents()) {
    addUpTo(firstTrack * TRACK_BYTES, false);
    addUpTo((firstTrack + tracks) * TRACK_BYTES, true);
  }
  addUpTo(end, false);
  return found;
}
