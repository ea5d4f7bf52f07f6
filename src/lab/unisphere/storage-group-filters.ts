import type { StorageGroup } from './array-config.ts';
import { capacityOf } from './device-identity.ts';
import { snapshotsOfGroup } from './group-snapshots.ts';
import type { LabArray } from './lab-array.ts';
import { membersOf } from './presentation.ts';
import { type FilterTable, passesFilters } from './query-filters.ts';
import type { RestCall } from './rest-call.ts';
import { groupCylinders, groupType } from './storage-group-answers.ts';

const FILTERS: FilterTable<LabArray, StorageGroup> = {
  storageGroupId: (_array, group) => group.id,
  volumeId: (array, group) => membersOf(array.config, group),
  num_of_vols: (array, group) => membersOf(array.config, group).length,
  num_of_masking_views: (array, group) => array.index.viewsOfGroup(group).length,
  num_of_child_sgs: (_array, group) => group.children.length,
  num_of_parent_sgs: (array, group) => array.index.parentsOf(group).length,
  num_of_snapshots: (array, group) => snapshotsOfGroup(array, group).length,
  parent: (array, group) => groupType(array, group) === 'Parent',
  child: (array, group) => groupType(array, group) === 'Child',
  srp_name: (_array, group) => group.srp ?? 'NONE',
  slo_name: (_array, group) => group.serviceLevel ?? 'NONE',
  service_level_name: (_array, group) => group.serviceLevel ?? 'NONE',
  base_slo_name: (_array, group) => group.serviceLevel ?? 'NONE',
  cap_gb: (array, group) => capacityOf(groupCylinders(array, group)).gb,
  emulation: () => 'FBA',
  compression: (_array, group) => group.compression,
  tag: () => [],
};

export const groupMatches = (array: LabArray, group: StorageGroup, call: RestCall): boolean =>
  passesFilters(FILTERS, array, group, call.query);
