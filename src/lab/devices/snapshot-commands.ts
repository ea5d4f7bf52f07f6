import type { Snapshot } from './device-record.ts';
import { isSecured, removeSnapshots } from './snapshot-lifetime.ts';
import { devicesOf, snapshotsOf } from './snapshot-selection.ts';
import {
  type EstablishRequest,
  type RenameRequest,
  type SecureRequest,
  type SnapshotRequest,
  StoreError,
  type TerminateRequest,
  type TimeToLiveRequest,
  TRACK_BYTES,
} from './store-contract.ts';
import { commit, keyOf, newSnapshot, nowMs, recordOf, type StoreState, tracksOf } from './store-state.ts';
import { adoptHostWrites, readDevice, readSnapshot } from './track-data.ts';
import { writeThrough } from './write-through.ts';

/**
 * One point in time over all devices: this function is synchronous and so is every write, so that no write can fall
 * between two of the devices.
 */
export function establish(state: StoreState, request: EstablishRequest): { snapId: number } {
  checkName(request.name);
  checkDuration('time to live', request.ttlMs);
  checkDuration('secure time', request.secureMs);
  const devices = devicesOf(state, request.devices);
  const limit = state.options.maxSnapshotsPerSource;
  const full = devices.find(({ snapshots }) => snapshots.length >= limit);
  if (full) {
    throw new StoreError('max-snapshots', `device "${full.id}" has ${limit} snapshots, the most it can have`, {
      device: full.id,
      snapshot: request.name,
    });
  }
  for (const device of devices) adoptHostWrites(device);

  const createdAtMs = nowMs(state);
  const snapId = Math.max(state.lastSnapId + 1, snapIdAt(createdAtMs));
  const taken = devices.map((device) => ({
    ...newSnapshot(state, device, { name: request.name, snapId, createdAtMs, sizeTracks: tracksOf(device) }),
    ttlMs: request.ttlMs,
    secureMs: request.secureMs,
  }));
  const records = taken.map((snapshot) => [keyOf.snapshot(snapshot), recordOf.snapshot(snapshot)] as const);
  commit(state, { set: { ...Object.fromEntries(records), [keyOf.array]: recordOf.array(snapId) } });
  const atMs = performance.now();
  for (const snapshot of taken) snapshot.source.snapshots.push(snapshot);
  state.lastSnapId = snapId;
  if (request.ttlMs !== undefined || request.secureMs !== undefined) state.nextExpiryMs = 0;
  state.events.add('array', 'effect', 'establish', request.name, { devices: request.devices, snapId, atMs });
  return { snapId };
}

/** Half-seconds since the array's own epoch, shifted by eight bits: the form of real snap ids. */
function snapIdAt(timeMs: number): number {
  return Math.max(1, Math.floor((timeMs - Date.UTC(2016, 0, 1)) / 500)) * 256;
}

export function rename(state: StoreState, request: RenameRequest): void {
  checkName(request.newName);
  const snapshots = snapshotsOf(state, request);
  change(state, snapshots, (snapshot) => ({ ...snapshot, name: request.newName }));
  for (const snapshot of snapshots) snapshot.name = request.newName;
  report(state, 'rename', request, { newName: request.newName });
}

export function setTimeToLive(state: StoreState, request: TimeToLiveRequest): void {
  checkDuration('time to live', request.ttlMs);
  const snapshots = snapshotsOf(state, request);
  change(state, snapshots, (snapshot) => ({ ...snapshot, ttlMs: request.ttlMs }));
  for (const snapshot of snapshots) snapshot.ttlMs = request.ttlMs;
  state.nextExpiryMs = 0;
  report(state, 'set-time-to-live', request, { ttlMs: request.ttlMs });
}

export function setSecure(state: StoreState, request: SecureRequest): void {
  checkDuration('secure time', request.secureMs);
  const snapshots = snapshotsOf(state, request);
  const shortened = snapshots.find(({ secureMs }) => secureMs !== undefined && secureMs > request.secureMs);
  if (shortened) throw refusal('snapshot-secured', shortened, 'is secured for longer, which cannot be taken back');
  change(state, snapshots, (snapshot) => ({ ...snapshot, secureMs: request.secureMs }));
  for (const snapshot of snapshots) snapshot.secureMs = request.secureMs;
  state.nextExpiryMs = 0;
  report(state, 'set-secure', request, { secureMs: request.secureMs });
}

/** Writes the point in time back to the sources; newer snapshots keep their own view. */
export function restore(state: StoreState, request: SnapshotRequest): void {
  const snapshots = snapshotsOf(state, request);
  for (const snapshot of snapshots) {
    if (snapshot.restored) throw refusal('already-restored', snapshot, 'is restored already');
    const other = snapshot.source.snapshots.find(({ restored }) => restored);
    if (other) {
      throw refusal('device-in-session', snapshot, `cannot be restored while "${other.name}" has a restore session`);
    }
  }
  for (const snapshot of snapshots) writeBack(state, snapshot);
  change(state, snapshots, (snapshot) => ({ ...snapshot, restored: true }));
  for (const snapshot of snapshots) snapshot.restored = true;
  report(state, 'restore', request);
}

function writeBack(state: StoreState, snapshot: Snapshot): void {
  const { source } = snapshot;
  const then = Buffer.allocUnsafe(TRACK_BYTES);
  const now = Buffer.allocUnsafe(TRACK_BYTES);
  for (const track of keptSince(snapshot)) {
    if (track >= snapshot.sizeTracks) continue;
    readSnapshot(snapshot, track * TRACK_BYTES, then);
    readDevice(source, track * TRACK_BYTES, now);
    if (!then.equals(now)) writeThrough(state, source, track * TRACK_BYTES, then);
  }
}

/** Tracks kept by this snapshot or a newer one, ascending: all others are as they were. */
export function keptSince(snapshot: Snapshot): readonly number[] {
  const { snapshots } = snapshot.source;
  const tracks = new Set<number>();
  for (const { kept } of snapshots.slice(snapshots.indexOf(snapshot))) {
    for (const track of kept.tracks()) tracks.add(track);
  }
  return [...tracks].sort((a, b) => a - b);
}

/** Of a restored snapshot the first call ends the restore session only; the next one removes the snapshot. */
export function terminate(state: StoreState, request: TerminateRequest): void {
  const snapshots = snapshotsOf(state, request);
  const restored = snapshots.filter((snapshot) => snapshot.restored);
  const leaving = snapshots.filter((snapshot) => !snapshot.restored);
  for (const snapshot of leaving) {
    if (request.restoreSessionOnly) throw refusal('not-restored', snapshot, 'has no restore session');
    if (snapshot.targets.size > 0) throw refusal('snapshot-linked', snapshot, 'has a linked target');
    if (isSecured(state, snapshot)) throw refusal('snapshot-secured', snapshot, 'is secured until it expires');
  }
  if (restored.length > 0) {
    change(state, restored, (snapshot) => ({ ...snapshot, restored: false }));
    for (const snapshot of restored) snapshot.restored = false;
    state.nextExpiryMs = 0;
    report(state, 'end-restore', { ...request, devices: sourceIds(restored) });
  }
  if (leaving.length > 0) {
    removeSnapshots(state, leaving);
    report(state, 'terminate', { ...request, devices: sourceIds(leaving) });
  }
}

function change(state: StoreState, snapshots: readonly Snapshot[], changed: (snapshot: Snapshot) => Snapshot): void {
  const records = snapshots.map(
    (snapshot) => [keyOf.snapshot(snapshot), recordOf.snapshot(changed(snapshot))] as const,
  );
  commit(state, { set: Object.fromEntries(records) });
}

function report(
  state: StoreState,
  operation: string,
  { name, select, devices }: SnapshotRequest,
  detail: Readonly<Record<string, unknown>> = {},
): void {
  state.events.add('array', 'effect', operation, name, { devices, ...select, ...detail });
}

const sourceIds = (snapshots: readonly Snapshot[]): string[] => snapshots.map(({ source }) => source.id);

function refusal(reason: StoreError['reason'], { source, name }: Snapshot, why: string): StoreError {
  return new StoreError(reason, `snapshot "${name}" of device "${source.id}" ${why}`, {
    device: source.id,
    snapshot: name,
  });
}

function checkName(name: string): void {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) {
    throw new StoreError('bad-name', `snapshot name "${name}" is not 1 to 32 letters, digits, "-" or "_"`, {
      snapshot: name,
    });
  }
}

/** A thousand years: beyond the array's own limit, and still a date. */
const LONGEST_MS = 1000 * 365 * 86_400_000;

function checkDuration(what: string, durationMs: number | undefined): void {
  if (durationMs === undefined || (durationMs > 0 && durationMs <= LONGEST_MS)) return;
  throw new StoreError('bad-time', `${what} of ${durationMs} ms is not a duration above 0 and up to ${LONGEST_MS} ms`);
}
