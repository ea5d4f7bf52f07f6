import type { Device, Snapshot } from './device-record.ts';
import { linkInfo } from './link-progress.ts';
import { keptSince } from './snapshot-commands.ts';
import { isExpired, isSecured } from './snapshot-lifetime.ts';
import { generationOf } from './snapshot-selection.ts';
import type { DeviceInfo, SnapshotInfo, TargetLink, TrackRun } from './store-contract.ts';
import { type StoreState, sizeBytesOf, tracksOf } from './store-state.ts';
import { adoptHostWrites, isAllocated, snapshotHasData } from './track-data.ts';

export function deviceInfo(device: Device): DeviceInfo {
  return {
    id: device.id,
    cylinders: device.cylinders,
    tracks: tracksOf(device),
    sizeBytes: sizeBytesOf(device),
    emulation: device.emulation,
    isSource: device.snapshots.length > 0,
    isTarget: device.link !== undefined,
    allocatedTracks: device.used.count,
    hostVisible: device.hostVisible,
  };
}

export function snapshotInfo(state: StoreState, snapshot: Snapshot): SnapshotInfo {
  const { createdAtMs, ttlMs, secureMs } = snapshot;
  return {
    source: snapshot.source.id,
    name: snapshot.name,
    generation: generationOf(snapshot),
    snapId: snapshot.snapId,
    createdAt: new Date(createdAtMs),
    ...(ttlMs === undefined ? {} : { expiresAt: new Date(createdAtMs + ttlMs) }),
    ...(secureMs === undefined ? {} : { secureUntil: new Date(createdAtMs + secureMs) }),
    expired: isExpired(state, snapshot),
    secured: isSecured(state, snapshot),
    state: snapshot.restored ? ['Established', 'Restored'] : ['Established'],
    links: [...snapshot.targets].flatMap(({ link }) => (link ? [linkInfo(state, link)] : [])),
    tracks: snapshot.kept.dataTracks,
    sizeTracks: snapshot.sizeTracks,
  };
}

export function targetLink(state: StoreState, target: Device): TargetLink | undefined {
  const { link } = target;
  if (!link) return undefined;
  const { snapshot } = link;
  return {
    source: snapshot.source.id,
    name: snapshot.name,
    snapId: snapshot.snapId,
    generation: generationOf(snapshot),
    info: linkInfo(state, link),
  };
}

/** Tracks written since the snapshot, ascending; a source that was expanded since counts its new tracks when allocated. */
export function changedSince(snapshot: Snapshot): readonly number[] {
  const { source, sizeTracks } = snapshot;
  const changed = keptSince(snapshot).filter((track) => track < sizeTracks);
  const tracks = tracksOf(source);
  for (let track = sizeTracks; track < tracks; track++) if (isAllocated(source, track)) changed.push(track);
  return changed;
}

export function deviceExtents(device: Device): readonly TrackRun[] {
  adoptHostWrites(device);
  return runs(tracksOf(device), (track) => isAllocated(device, track));
}

export function snapshotExtents(snapshot: Snapshot): readonly TrackRun[] {
  return runs(snapshot.sizeTracks, (track) => snapshotHasData(snapshot, track));
}

function runs(tracks: number, allocated: (track: number) => boolean): readonly TrackRun[] {
  const found: TrackRun[] = [];
  let firstTrack = -1;
  for (let track = 0; track <= tracks; track++) {
    const inside = track < tracks && allocated(track);
    if (inside && firstTrack < 0) firstTrack = track;
    if (inside || firstTrack < 0) continue;
    found.push({ firstTrack, tracks: track - firstTrack });
    firstTrack = -1;
  }
  return found;
}
