import type { LinkInfo, SnapshotInfo } from '../devices/store-contract.ts';
import { findNamed, type StorageGroup } from './array-config.ts';
import { capacityOf, exactGb } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { malformed, notFound } from './messages.ts';
import { membersOf } from './presentation.ts';
import { hasSnapIds } from './releases.ts';
import { isShownLinked, isShownRestored, shownGeneration, shownStates } from './snapvx-session.ts';
import { isGatekeeper } from './volume-answers.ts';
import { snapshotDate } from './wire-dates.ts';

const TRACK_BYTES = 131072;

/** A snapshot as a storage group has it: the snapshots of its members with this name and snap id (or generation). */
export interface GroupSnapshot {
  readonly group: StorageGroup;
  readonly name: string;
  readonly snapId: number;
  readonly generation: number;
  /** One per member that has it. */
  readonly rows: readonly SnapshotInfo[];
}

export function groupOf(array: LabArray, id: string): StorageGroup {
  const group = findNamed(array.config.storageGroups, id);
  if (!group) throw notFound('Storage Group', id, array.id);
  return group;
}

export const snapshotsOfGroup = (array: LabArray, group: StorageGroup): readonly SnapshotInfo[] =>
  membersOf(array.config, group).flatMap((device) => (array.device(device) ? array.store.snapshots(device) : []));

/** Newest first. */
export function setsNamed(array: LabArray, group: StorageGroup, name: string): readonly GroupSnapshot[] {
  const sets = new Map<number, SnapshotInfo[]>();
  for (const row of snapshotsOfGroup(array, group)) {
    if (row.name !== name) continue;
    const rows = sets.get(row.snapId);
    if (rows) rows.push(row);
    else sets.set(row.snapId, [row]);
  }
  if (sets.size === 0) throw notFound('Snapshot', name, array.id);
  return [...sets]
    .sort(([one], [other]) => other - one)
    .map(([snapId, rows]) => ({ group, name, snapId, generation: rows[0]?.generation ?? 0, rows }));
}

/** By `snapid/{n}` or, before V4, `generation/{n}`. */
export function findSet(
  array: LabArray,
  group: StorageGroup,
  name: string,
  by: { readonly snapid?: string; readonly generation?: string },
): GroupSnapshot {
  const sets = setsNamed(array, group, name);
  const wanted = Number(by.snapid ?? by.generation);
  if (!Number.isInteger(wanted)) throw malformed('The snapshot number is not a number');
  const set =
    by.snapid === undefined ? sets.find((one) => one.generation === wanted) : sets.find((one) => one.snapId === wanted);
  if (!set) throw notFound('Snapshot', `${name} ${wanted}`, array.id);
  return set;
}

export function checkSnapIds(array: LabArray): void {
  if (!hasSnapIds(array.microcode)) throw malformed('Snap ids are not supported by the microcode of this array');
}

const statesOf = (array: LabArray, set: GroupSnapshot): readonly string[] => [
  ...new Set(set.rows.flatMap((row) => shownStates(array, row))),
];
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const isLinked = (array: LabArray, set: GroupSnapshot): boolean => set.rows.some((row) => isShownLinked(array, row));

const sourceVolumes = (array: LabArray, set: GroupSnapshot) =>
  set.rows.map((row) => {
    const cylinders = array.store.device(row.source)?.cylinders ?? 0;
    return { name: row.source, capacity: cylinders, capacity_gb: exactGb(cylinders) };
  });

/** Targets that are in no storage group are not listed, although the snapshot is linked. */
function linkedGroups(array: LabArray, set: GroupSnapshot): readonly Record<string, unknown>[] | undefined {
  if (!isLinked(array, set)) return undefined;
  const rows = set.rows.flatMap((row) =>
    row.links.flatMap((link) => array.index.groupsOf(link.target).map((group) => linkedRow(row, link, group.id))),
  );
  return rows.length > 0 ? rows : undefined;
}

const linkedRow = (row: SnapshotInfo, link: LinkInfo, group: string) => ({
  name: group,
  source_volume_name: row.source,
  linked_volume_name: link.target,
  tracks: row.sizeTracks,
  trackSize: TRACK_BYTES,
  percentageCopied: link.percentageCopied,
  linkedCreationTimestamp: snapshotDate(link.linkedAt),
  defined: link.defined,
  background_define_in_progress: link.backgroundDefineInProgress,
});

const dateOrNone = (date: Date | undefined): string => (date ? snapshotDate(date) : 'N/A');

/** The shape of the `snapid` resource. */
export function snakeCaseDetails(array: LabArray, set: GroupSnapshot): unknown {
  const first = set.rows[0];
  const linked = linkedGroups(array, set);
  return {
    name: set.name,
    generation: shownGeneration(array, set.generation),
    snapid: hasSnapIds(array.microcode) ? set.snapId : undefined,
    timestamp: first && snapshotDate(first.createdAt),
    timestamp_utc: first?.createdAt.getTime(),
    state: statesOf(array, set),
    num_source_volumes: set.rows.length,
    source_volume: sourceVolumes(array, set),
    num_storage_group_volumes: membersOf(array.config, set.group).length,
    tracks: sum(set.rows.map((row) => row.tracks)),
    non_shared_tracks: sum(set.rows.map((row) => row.tracks)),
    time_to_live_expiry_date: dateOrNone(first?.expiresAt),
    secure_expiry_date: dateOrNone(first?.secureUntil),
    expired: set.rows.some((row) => row.expired),
    linked: isLinked(array, set),
    restored: set.rows.some((row) => isShownRestored(array, row)),
    linked_storage_group_names: linked && [...new Set(linked.map((row) => row.name))],
    linked_storage_group: linked,
    persistent: false,
  };
}

/** The shape of the `generation` resource, of PUT answers, and of POST before 10.0. */
export function camelCaseDetails(array: LabArray, set: GroupSnapshot): unknown {
  const first = set.rows[0];
  const tracks = sum(set.rows.map((row) => row.tracks));
  return {
    name: set.name,
    generation: shownGeneration(array, set.generation),
    snap_id: hasSnapIds(array.microcode) ? set.snapId : undefined,
    timestamp: first && snapshotDate(first.createdAt),
    timestamp_utc: first?.createdAt.getTime(),
    state: statesOf(array, set),
    numSourceVolumes: set.rows.length,
    sourceVolume: sourceVolumes(array, set),
    numStorageGroupVolumes: membersOf(array.config, set.group).length,
    numUniqueTracks: tracks,
    numSharedTracks: 0,
    tracks,
    nonSharedTracks: tracks,
    timeToLiveExpiryDate: dateOrNone(first?.expiresAt),
    secureExpiryDate: dateOrNone(first?.secureUntil),
    isExpired: set.rows.some((row) => row.expired),
    isLinked: isLinked(array, set),
    isRestored: set.rows.some((row) => isShownRestored(array, row)),
    linkedStorageGroup: linkedGroups(array, set),
  };
}

/** `GET /{ver}/replication/symmetrix/{id}/storagegroup/{sg}` */
export function replicationSummary(array: LabArray, group: StorageGroup): unknown {
  const devices = membersOf(array.config, group).flatMap((id) => array.device(id) ?? []);
  const names = [...new Set(snapshotsOfGroup(array, group).map((row) => row.name))];
  return {
    name: group.id,
    symmetrixId: array.id,
    childNames: group.children,
    numDevicesNonGk: devices.filter((device) => !isGatekeeper(device)).length,
    capacityGB: capacityOf(sum(devices.map((device) => device.cylinders))).gb,
    numSnapVXSnapshots: names.length,
    snapVXSnapshots: names,
    num_cloud_snapshots: 0,
    num_clone_target_storage_groups: 0,
    rdf: false,
    isLinkTarget: devices.some((device) => device.isTarget),
  };
}
