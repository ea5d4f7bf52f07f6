import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import type { EventLog } from '../world/events.ts';
import type { Device, Link, Snapshot } from './device-record.ts';
import { FileCache } from './file-cache.ts';
import { KeptTracks } from './kept-tracks.ts';
import { type StateChange, StateJournal } from './state-journal.ts';
import { CYLINDER_BYTES, type DeviceStoreOptions, StoreError, TRACK_BYTES } from './store-contract.ts';
import { TrackBitmap } from './track-bitmap.ts';

const deviceRecord = z.object({
  id: z.string(),
  cylinders: z.number(),
  emulation: z.enum(['FBA', 'CKD']),
  hostVisible: z.boolean(),
});
const snapshotRecord = z.object({
  source: z.string(),
  name: z.string(),
  snapId: z.number(),
  createdAtMs: z.number(),
  sizeTracks: z.number(),
  ttlMs: z.number().optional(),
  secureMs: z.number().optional(),
  restored: z.boolean(),
});
const linkRecord = z.object({
  target: z.string(),
  source: z.string(),
  snapId: z.number(),
  copy: z.boolean(),
  linkedAtMs: z.number(),
  copiedTracks: z.number(),
  modified: z.boolean(),
  materialised: z.boolean(),
  materialisedMtimeMs: z.number(),
});
const arrayRecord = z.object({ lastSnapId: z.number() });

/** Keys of the journal's records. */
export const keyOf = {
  array: 'array',
  device: (device: Device) => `device/${device.id}`,
  snapshot: (snapshot: Snapshot) => `snapshot/${snapshot.source.id}/${snapshot.snapId}`,
  link: (link: Link) => `link/${link.target.id}`,
};

export const recordOf = {
  array: (lastSnapId: number): z.infer<typeof arrayRecord> => ({ lastSnapId }),
  device: ({ id, cylinders, emulation, hostVisible }: Device): z.infer<typeof deviceRecord> => ({
    id,
    cylinders,
    emulation,
    hostVisible,
  }),
  snapshot: (snapshot: Snapshot): z.infer<typeof snapshotRecord> => ({
    source: snapshot.source.id,
    name: snapshot.name,
    snapId: snapshot.snapId,
    createdAtMs: snapshot.createdAtMs,
    sizeTracks: snapshot.sizeTracks,
    ttlMs: snapshot.ttlMs,
    secureMs: snapshot.secureMs,
    restored: snapshot.restored,
  }),
  link: ({ target, snapshot, ...rest }: Link): z.infer<typeof linkRecord> => ({
    target: target.id,
    source: snapshot.source.id,
    snapId: snapshot.snapId,
    ...rest,
  }),
};

/** Everything the store's operations share. */
export interface StoreState {
  readonly options: Required<DeviceStoreOptions>;
  readonly events: EventLog;
  readonly files: FileCache;
  readonly journal: StateJournal;
  readonly devices: Map<string, Device>;
  readonly folder: string;
  lastSnapId: number;
  /** No snapshot expires before; 0: look again. */
  nextExpiryMs: number;
}

/** Reads back what an earlier process left, also one that was killed: what no record speaks of is removed. */
export function openStoreState(folder: string, options: Required<DeviceStoreOptions>): StoreState {
  mkdirSync(path.join(folder, 'devices'), { recursive: true });
  mkdirSync(path.join(folder, 'snapshots'), { recursive: true });
  const journal = StateJournal.open(path.join(folder, 'state.jsonl'));
  const state: StoreState = {
    options,
    events: options.events,
    files: new FileCache(),
    journal,
    devices: new Map(),
    folder,
    lastSnapId: 0,
    nextExpiryMs: 0,
  };
  const entries = [...journal.entries()];
  const kind = (name: string) => entries.filter(([key]) => key === name || key.startsWith(`${name}/`));
  for (const [, entry] of kind('array')) state.lastSnapId = arrayRecord.parse(entry).lastSnapId;
  for (const [, entry] of kind('device')) {
    const device = newDevice(state, deviceRecord.parse(entry));
    state.devices.set(device.id, device);
  }
  for (const [, entry] of kind('snapshot')) {
    const { source, ttlMs, secureMs, ...record } = snapshotRecord.parse(entry);
    const device = deviceOf(state, source);
    device.snapshots.push({ ...newSnapshot(state, device, record), ttlMs, secureMs, restored: record.restored });
  }
  for (const device of state.devices.values()) device.snapshots.sort((a, b) => a.snapId - b.snapId);
  for (const [, entry] of kind('link')) {
    const { target: targetId, source, snapId, ...record } = linkRecord.parse(entry);
    const target = deviceOf(state, targetId);
    const snapshot = deviceOf(state, source).snapshots.find((candidate) => candidate.snapId === snapId);
    if (!snapshot) throw new StoreError('state-damaged', `link of "${targetId}" names the lost snapshot ${snapId}`);
    target.link = { ...record, target, snapshot };
    snapshot.targets.add(target);
  }
  removeOrphanFiles(state);
  return state;
}

export function newDevice(state: StoreState, record: z.infer<typeof deviceRecord>): Device {
  const base = path.join(state.folder, 'devices', record.id);
  return {
    ...record,
    files: state.files,
    rawPath: `${base}.raw`,
    used: new TrackBitmap(state.files, `${base}.used`),
    own: new TrackBitmap(state.files, `${base}.own`),
    snapshots: [],
    link: undefined,
    searchedAtMtimeMs: 0,
  };
}

export function newSnapshot(
  state: StoreState,
  source: Device,
  record: { name: string; snapId: number; createdAtMs: number; sizeTracks: number },
): Snapshot {
  return {
    source,
    name: record.name,
    snapId: record.snapId,
    createdAtMs: record.createdAtMs,
    sizeTracks: record.sizeTracks,
    ttlMs: undefined,
    secureMs: undefined,
    restored: false,
    kept: new KeptTracks(state.files, path.join(state.folder, 'snapshots', `${source.id}-${record.snapId}`)),
    targets: new Set(),
  };
}

export function commit(state: StoreState, change: StateChange): void {
  state.journal.commit(change);
}

export function nowMs(state: StoreState): number {
  return state.options.clock().getTime();
}

export function deviceOf(state: StoreState, id: string): Device {
  const device = state.devices.get(id);
  if (!device) throw new StoreError('no-such-device', `device "${id}" does not exist`, { device: id });
  return device;
}

export const sizeBytesOf = (device: Device): number => device.cylinders * CYLINDER_BYTES;
export const tracksOf = (device: Device): number => sizeBytesOf(device) / TRACK_BYTES;

function removeOrphanFiles(state: StoreState): void {
  const owners = {
    devices: new Set(state.devices.keys()),
    snapshots: new Set(
      [...state.devices.values()].flatMap(({ id, snapshots }) => snapshots.map(({ snapId }) => `${id}-${snapId}`)),
    ),
  };
  for (const [part, known] of Object.entries(owners)) {
    for (const file of readdirSync(path.join(state.folder, part))) {
      if (!known.has(path.parse(file).name)) rmSync(path.join(state.folder, part, file), { force: true });
    }
  }
}
