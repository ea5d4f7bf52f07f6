import type { StorageGroup } from './array-config.ts';
import { capacityOf } from './device-identity.ts';
import { snapshotsOfGroup } from './group-snapshots.ts';
import type { LabArray } from './lab-array.ts';
import { membersOf } from './presentation.ts';

export const groupType = (array: LabArray, group: StorageGroup): 'Standalone' | 'Parent' | 'Child' => {
  if (group.children.length > 0) return 'Parent';
  return array.index.parentsOf(group).length > 0 ? 'Child' : 'Standalone';
};

export const groupCylinders = (array: LabArray, group: StorageGroup): number =>
  membersOf(array.config, group).reduce((total, id) => total + (array.device(id)?.cylinders ?? 0), 0);

const orAbsent = (names: readonly string[]): readonly string[] | undefined => (names.length > 0 ? names : undefined);

/** `GET /{ver}/sloprovisioning/symmetrix/{id}/storagegroup/{sg}` */
export function storageGroupBody(array: LabArray, group: StorageGroup, apiVersion: number): unknown {
  const views = array.index.viewsOfGroup(group).map((view) => view.id);
  const parents = array.index.parentsOf(group).map((parent) => parent.id);
  const snapshots = new Set(snapshotsOfGroup(array, group).map((row) => `${row.name} ${row.snapId}`)).size;
  return {
    storageGroupId: group.id,
    slo: group.serviceLevel ?? 'NONE',
    service_level: group.serviceLevel ?? 'NONE',
    base_slo_name: group.serviceLevel ?? 'NONE',
    workload: group.workload,
    srp: group.srp ?? 'NONE',
    slo_compliance: 'NONE',
    num_of_vols: membersOf(array.config, group).length,
    num_of_child_sgs: group.children.length,
    num_of_parent_sgs: parents.length,
    num_of_masking_views: views.length,
    num_of_snapshots: snapshots,
    num_of_snapshot_policies: apiVersion >= 92 ? 0 : undefined,
    cap_gb: capacityOf(groupCylinders(array, group)).gb,
    device_emulation: 'FBA',
    type: groupType(array, group),
    unprotected: snapshots === 0,
    child_storage_group: orAbsent(group.children),
    parent_storage_group: orAbsent(parents),
    maskingview: orAbsent(views),
    compression: group.compression,
    compression_ratio_to_one: group.compression ? 0 : undefined,
    vp_saved_percent: 100,
    uuid: apiVersion >= 100 ? group.uuid : undefined,
  };
}
