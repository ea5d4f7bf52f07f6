import { statSync } from 'node:fs';
import type { Device, Snapshot } from './device-record.ts';
import { TRACK_BYTES } from './store-contract.ts';

const zeros = Buffer.alloc(TRACK_BYTES);
const preserveBuffer = Buffer.allocUnsafe(TRACK_BYTES);
const fillBuffer = Buffer.allocUnsafe(TRACK_BYTES);

/** What whoever uses the device sees: the raw file, or for a linked target the snapshot under its own tracks. */
export function readDevice(device: Device, offsetBytes: number, into: Uint8Array): void {
  const { link } = device;
  if (!link || link.materialised) {
    device.files.read(device.rawPath, offsetBytes, into);
    return;
  }
  forEachTrack(offsetBytes, into.length, (track, within, at, length) => {
    const part = into.subarray(at, at + length);
    if (device.own.has(track)) device.files.read(device.rawPath, track * TRACK_BYTES + within, part);
    else readSnapshot(link.snapshot, track * TRACK_BYTES + within, part);
  });
}

/** The point in time: a track comes from the first snapshot, from this one towards the newest, that keeps it, else from the live device. */
export function readSnapshot(snapshot: Snapshot, offsetBytes: number, into: Uint8Array): void {
  forEachTrack(offsetBytes, into.length, (track, within, at, length) => {
    const part = into.subarray(at, at + length);
    const keeper = keeperOf(snapshot, track);
    if (track >= snapshot.sizeTracks) part.fill(0);
    else if (keeper) keeper.kept.read(track, within, part);
    else readDevice(snapshot.source, track * TRACK_BYTES + within, part);
  });
}

/** Writes the live device; the newest snapshot first gets what it would lose. */
export function writeDevice(device: Device, offsetBytes: number, data: Uint8Array): void {
  if (data.length === 0) return;
  const firstTrack = Math.floor(offsetBytes / TRACK_BYTES);
  const tracks = Math.floor((offsetBytes + data.length - 1) / TRACK_BYTES) - firstTrack + 1;
  if (device.snapshots.length > 0) {
    for (let track = firstTrack; track < firstTrack + tracks; track++) preserveTrack(device, track);
  }
  const borrowing = device.link !== undefined && !device.link.materialised;
  if (borrowing) {
    forEachTrack(offsetBytes, data.length, (track, _within, _at, length) => {
      if (length < TRACK_BYTES && !device.own.has(track)) takeOver(device, track);
    });
  }
  // The used bit before the data: a bit too many costs a needless copy, one too few would lose a snapshot's track.
  device.used.add(firstTrack, tracks);
  device.files.write(device.rawPath, offsetBytes, data);
  // The own bit after the data: until then the target shows the snapshot's track.
  if (borrowing) device.own.add(firstTrack, tracks);
}

/** Writes from the start of a track past snapshots and link: for content that replaces what the device showed. */
export function overwriteRawTrack(device: Device, track: number, data: Uint8Array): void {
  device.used.add(track);
  device.files.write(device.rawPath, track * TRACK_BYTES, data);
}

/** Copies the track a linked target shows into its own file, from where it is read from now on. */
export function takeOver(device: Device, track: number): void {
  // An unfinished write of a process that died may have left data in the file where the target shows none.
  if (isAllocated(device, track) || device.used.has(track)) {
    readDevice(device, track * TRACK_BYTES, fillBuffer);
    overwriteRawTrack(device, track, fillBuffer);
  }
  device.own.add(track);
}

export function preserveTrack(device: Device, track: number): void {
  const newest = device.snapshots.at(-1);
  if (!newest || track >= newest.sizeTracks || newest.kept.has(track)) return;
  if (!isAllocated(device, track)) {
    newest.kept.keepZeros([track]);
    return;
  }
  readDevice(device, track * TRACK_BYTES, preserveBuffer);
  newest.kept.keepData(track, preserveBuffer);
}

/**
 * Before the whole content of a device is replaced, its newest snapshot takes everything. Tracks without data too: the
 * new content may come, over several links, from this very snapshot, which then must not look at the live device.
 */
export function preserveAll(device: Device): void {
  const newest = device.snapshots.at(-1);
  if (!newest) return;
  adoptHostWrites(device);
  const empty: number[] = [];
  for (let track = 0; track < newest.sizeTracks; track++) {
    if (newest.kept.has(track)) continue;
    if (isAllocated(device, track)) preserveTrack(device, track);
    else empty.push(track);
  }
  newest.kept.keepZeros(empty);
}

/** Whether the device may show something else than zeros in this track; of a host's writes it knows after `adoptHostWrites`. */
export function isAllocated(device: Device, track: number): boolean {
  const { link } = device;
  if (link && !link.materialised && !device.own.has(track)) return snapshotHasData(link.snapshot, track);
  return device.used.has(track);
}

export function snapshotHasData(snapshot: Snapshot, track: number): boolean {
  if (track >= snapshot.sizeTracks) return false;
  const keeper = keeperOf(snapshot, track);
  return keeper ? keeper.kept.hasData(track) : isAllocated(snapshot.source, track);
}

/** A host writes its node without asking the store: finds the tracks it filled. */
export function adoptHostWrites(device: Device): void {
  if (!device.hostVisible) return;
  const { mtimeMs, size } = statSync(device.rawPath);
  // A file system's clock ticks every few milliseconds: a very young time may hide a later write.
  const settled = Date.now() - mtimeMs > 50;
  if (settled && mtimeMs === device.searchedAtMtimeMs) return;
  for (let track = 0; track < size / TRACK_BYTES; track++) {
    if (!device.used.has(track) && hasRawData(device, track)) device.used.add(track);
  }
  device.searchedAtMtimeMs = mtimeMs;
}

export function hostWroteSince(device: Device, mtimeMs: number): boolean {
  return device.hostVisible && statSync(device.rawPath).mtimeMs > mtimeMs;
}

function hasRawData(device: Device, track: number): boolean {
  device.files.read(device.rawPath, track * TRACK_BYTES, preserveBuffer);
  return !preserveBuffer.equals(zeros);
}

function keeperOf(snapshot: Snapshot, track: number): Snapshot | undefined {
  const { snapshots } = snapshot.source;
  for (let at = snapshots.indexOf(snapshot); at < snapshots.length; at++) {
    const candidate = snapshots[at];
    if (candidate?.kept.has(track)) return candidate;
  }
  return undefined;
}

/** Cuts a byte range at track borders: `within` counts in the track, `at` in the range. */
function forEachTrack(
  offsetBytes: number,
  lengthBytes: number,
  visit: (track: number, within: number, at: number, length: number) => void,
): void {
  for (let at = 0; at < lengthBytes; ) {
    const track = Math.floor((offsetBytes + at) / TRACK_BYTES);
    const within = offsetBytes + at - track * TRACK_BYTES;
    const length = Math.min(TRACK_BYTES - within, lengthBytes - at);
    visit(track, within, at, length);
    at += length;
  }
}
