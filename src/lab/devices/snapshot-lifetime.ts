import type { Snapshot } from './device-record.ts';
import { TRACK_BYTES } from './store-contract.ts';
import { commit, keyOf, nowMs, type StoreState } from './store-state.ts';

/** A pace of 0 means no waiting; a life of no time would be none, so expiry then runs in real time. */
function lifetimeMs(state: StoreState, simulatedMs: number): number {
  return state.options.pace.factor > 0 ? state.options.pace.scaledMs(simulatedMs) : simulatedMs;
}

/** The moment the snapshot expires, in real time; undefined: never. Secure protection delays the time to live. */
function expiryMs(state: StoreState, snapshot: Snapshot): number | undefined {
  if (snapshot.ttlMs === undefined && snapshot.secureMs === undefined) return undefined;
  return snapshot.createdAtMs + lifetimeMs(state, Math.max(snapshot.ttlMs ?? 0, snapshot.secureMs ?? 0));
}

export function isExpired(state: StoreState, snapshot: Snapshot): boolean {
  const dueMs = expiryMs(state, snapshot);
  return dueMs !== undefined && nowMs(state) >= dueMs;
}

export function isSecured(state: StoreState, snapshot: Snapshot): boolean {
  return snapshot.secureMs !== undefined && nowMs(state) < snapshot.createdAtMs + lifetimeMs(state, snapshot.secureMs);
}

/**
 * Terminates what expired. As on the array expiry waits while a target is linked or a restore session is open; the
 * snapshot is marked expired meanwhile.
 */
export function removeExpired(state: StoreState): void {
  const now = nowMs(state);
  if (now < state.nextExpiryMs) return;
  let next = Number.POSITIVE_INFINITY;
  const expired: Snapshot[] = [];
  for (const device of state.devices.values()) {
    for (const snapshot of device.snapshots) {
      const dueMs = expiryMs(state, snapshot);
      if (dueMs === undefined) continue;
      if (dueMs > now) next = Math.min(next, dueMs);
      else if (snapshot.targets.size === 0 && !snapshot.restored) expired.push(snapshot);
    }
  }
  state.nextExpiryMs = next;
  if (expired.length > 0) removeSnapshots(state, expired);
  for (const { name, snapId, source } of expired) {
    state.events.add('array', 'effect', 'expire', name, { device: source.id, snapId });
  }
}

/** Removes snapshots that nothing is linked to. What only they kept goes to the next older one, which may need it. */
export function removeSnapshots(state: StoreState, snapshots: readonly Snapshot[]): void {
  for (const snapshot of snapshots) handOver(snapshot, new Set(snapshots));
  commit(state, { drop: snapshots.map(keyOf.snapshot) });
  for (const snapshot of snapshots) {
    const all = snapshot.source.snapshots;
    all.splice(all.indexOf(snapshot), 1);
    snapshot.kept.remove();
  }
}

function handOver(snapshot: Snapshot, leaving: ReadonlySet<Snapshot>): void {
  const { snapshots } = snapshot.source;
  const older = snapshots.slice(0, snapshots.indexOf(snapshot)).findLast((candidate) => !leaving.has(candidate));
  if (!older) return;
  const data = Buffer.allocUnsafe(TRACK_BYTES);
  const empty: number[] = [];
  for (const track of snapshot.kept.tracks()) {
    if (track >= older.sizeTracks || older.kept.has(track)) continue;
    if (snapshot.kept.hasData(track)) {
      snapshot.kept.read(track, 0, data);
      older.kept.keepData(track, data);
    } else {
      empty.push(track);
    }
  }
  older.kept.keepZeros(empty);
}
