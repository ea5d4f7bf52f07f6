import type { LinkPair, SnapshotInfo, SnapshotSelect } from '../devices/store-contract.ts';
import type { LabArray } from './lab-array.ts';
import { type Fields, flagOf, numberOf } from './lenient-fields.ts';
import {
  generationsRefused,
  malformed,
  notFound,
  notLicensed,
  targetTooSmall,
  tooManySessions,
  vvolRefused,
} from './messages.ts';
import type { LaggingModel } from './model-lag.ts';
import { hasSnapIds, maxSnapshotsPerSource } from './releases.ts';
import { guardStore } from './store-refusals.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The longest time to live, and the longest secure time (Solutions Enabler). */
const LONGEST_LIFE_MS = 400 * DAY_MS;

/** Days, or hours when the flag says so; 0 and absent mean no limit. Milliseconds. */
export function lifetimeMs(fields: Fields, key: string, inHoursKey: string): number | undefined {
  const value = numberOf(fields, key);
  if (value === undefined || value === 0) return undefined;
  if (!Number.isInteger(value) || value < 0) throw malformed(`The value of attribute ${key} is not valid`);
  const lifeMs = value * (flagOf(fields, inHoursKey) ? HOUR_MS : DAY_MS);
  if (lifeMs > LONGEST_LIFE_MS) throw malformed(`The value of attribute ${key} is beyond the limit of 400 days`);
  return lifeMs;
}

/** Generations are for VMAX3, All Flash and PowerMax 2000/8000 only; their calls do not work on V4 (PyU4V). */
export function checkGenerations(array: LabArray): void {
  if (array.isV4) throw generationsRefused();
}

/** The generation as an answer shows it: V4 arrays have none. */
export const shownGeneration = (array: LabArray, generation: number): number | undefined =>
  array.isV4 ? undefined : generation;

/** `snap_id`, else `generation`, else the newest. */
export function selectOf(array: LabArray, fields: Fields): SnapshotSelect {
  const snapId = numberOf(fields, 'snap_id');
  if (snapId !== undefined) {
    if (!hasSnapIds(array.microcode)) throw malformed('Snap ids are not supported by the microcode of this array');
    return { snapId };
  }
  const generation = numberOf(fields, 'generation');
  if (generation !== undefined) checkGenerations(array);
  return { generation: generation ?? 0 };
}

/** What must hold before any SnapVX change; the devices are sources and targets alike. */
export function checkSnapVx(array: LabArray, devices: readonly string[]): void {
  if (!array.snapVxLicensed) throw notLicensed();
  for (const device of devices) if (!array.device(device)) throw notFound('Volume', device, array.id);
  if (array.knobs.vvolSnapVx === 'accepted') return;
  if (devices.some((device) => array.index.vvolOf(device))) throw vvolRefused(array.knobs.vvolRefusalText);
}

/** Remembers what the object model shows of these devices, to be called right before they change. */
export function noteModel(array: LabArray, devices: readonly string[]): void {
  const others = array.followers.filter((follower) => follower !== array.seenBy);
  const lags = array.knobs.objectModelLagMs > 0 || array.knobs.snapshotListLagMs > 0;
  const own = { flags: array.lag, snapshots: array.snapshotLag, lagMs: undefined };
  const first = lags && array.seenBy?.of !== 'second' ? [own] : [];
  for (const model of [...first, ...others]) for (const id of devices) noteDevice(array, id, model);
  if (array.knobs.deviceListLagMs <= 0) return;
  const { snapshots, links } = array.deviceListLag;
  for (const id of devices) {
    if (!array.store.device(id)) continue;
    snapshots.note(id, array.store.snapshots(id));
    links.note(id, array.store.linkOf(id));
  }
}

function noteDevice(
  array: LabArray,
  id: string,
  { flags, snapshots: model, lagMs }: Pick<LaggingModel, 'flags' | 'snapshots' | 'lagMs'>,
): void {
  const device = array.store.device(id);
  if (!device) return;
  flags.note(`source ${id}`, device.isSource, lagMs);
  flags.note(`target ${id}`, device.isTarget, lagMs);
  const snapshots = array.store.snapshots(id);
  model.note(id, snapshots, lagMs);
  for (const snapshot of snapshots) flags.note(linkedKey(snapshot), snapshot.links.length > 0, lagMs);
}

const linkedKey = (snapshot: SnapshotInfo): string => `linked ${snapshot.source} ${snapshot.snapId}`;

/** The `linked` flag as the object model shows it. */
export const isShownLinked = (array: LabArray, snapshot: SnapshotInfo): boolean =>
  array.lag.shown(linkedKey(snapshot), snapshot.links.length > 0);

/** The `restored` flag: while a restore is at work its session alone tells of it. */
export const isShownRestored = (array: LabArray, { state }: Pick<SnapshotInfo, 'state'>): boolean =>
  state.includes('Restored') && !array.knobs.restoresHeld;

/** The states, likewise. */
export const shownStates = (array: LabArray, snapshot: Pick<SnapshotInfo, 'state'>): SnapshotInfo['state'] =>
  snapshot.state.filter((state) => state !== 'Restored' || isShownRestored(array, snapshot));

/** The snapshots of a source as the object model shows them: a new one is missing, one that is gone still there. */
export const shownSnapshots = (array: LabArray, device: string): readonly SnapshotInfo[] =>
  array.snapshotLag.shown(device, array.store.snapshots(device));

/** One snapshot of all devices, at one instant; times in simulated milliseconds. */
export function establish(
  array: LabArray,
  request: {
    readonly name: string;
    readonly devices: readonly string[];
    readonly ttlMs: number | undefined;
    readonly secureMs: number | undefined;
  },
): { readonly snapId: number } {
  const { name, devices, ttlMs, secureMs } = request;
  checkSnapVx(array, devices);
  const most = maxSnapshotsPerSource(array.microcode);
  if (devices.some((device) => array.store.snapshots(device).length >= most)) throw tooManySessions();
  noteModel(array, devices);
  return guardStore(array, () =>
    array.store.establish({
      name,
      devices,
      ...(ttlMs !== undefined && { ttlMs }),
      ...(secureMs !== undefined && { secureMs }),
    }),
  );
}

/** Pair by position, or (`exact: false`) each source with the smallest target that holds it. */
export function pairDevices(
  array: LabArray,
  sources: readonly string[],
  targets: readonly string[],
  exact: boolean,
): readonly LinkPair[] {
  if (sources.length === 0 || sources.length !== targets.length)
    throw malformed('The number of source devices and target devices is not the same');
  const byPosition = sources.map((source, index) => ({ source, target: targets[index] ?? '' }));
  if (exact) return byPosition;
  const sizeOf = (id: string): number => array.store.device(id)?.cylinders ?? 0;
  const free = [...targets].sort((one, other) => sizeOf(one) - sizeOf(other));
  const pairs = new Map<string, string>();
  for (const source of [...sources].sort((one, other) => sizeOf(one) - sizeOf(other))) {
    const at = free.findIndex((target) => sizeOf(target) >= sizeOf(source));
    if (at < 0) throw targetTooSmall(Math.max(...free.map(sizeOf)), sizeOf(source));
    pairs.set(source, free[at] ?? '');
    free.splice(at, 1);
  }
  // The same source several times (several targets of one snapshot) has no better match than its position.
  return pairs.size === sources.length
    ? sources.map((source) => ({ source, target: pairs.get(source) ?? '' }))
    : byPosition;
}

/** For unlink and the like: the pairs as they are linked, whatever the order of the lists; else by position. */
export function linkedPairs(
  array: LabArray,
  sources: readonly string[],
  targets: readonly string[],
): readonly LinkPair[] {
  if (sources.length === 0 || sources.length !== targets.length)
    throw malformed('The number of source devices and target devices is not the same');
  return targets.map((target, index) => {
    const linked = array.store.device(target) ? array.store.linkOf(target)?.source : undefined;
    const source = linked !== undefined && sources.includes(linked) ? linked : (sources[index] ?? '');
    return { source, target };
  });
}
