import type { DeviceInfo } from '../devices/store-contract.ts';
import { capacityOf, nguidOfWwn } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { type FilterTable, passesFilters } from './query-filters.ts';
import { allocatedPercent, hasEffectiveWwn, isGatekeeper } from './volume-answers.ts';

/** What each filter of the classic volume lists looks at (Unisphere 10.0 OpenAPI). */
const FILTERS: FilterTable<LabArray, DeviceInfo> = {
  storageGroupId: (array, device) => array.index.groupsOf(device.id).map((group) => group.id),
  wwn: (array, device) => ({ exactly: array.wwnOf(device.id) }),
  effective_wwn: (array, device) => ({ exactly: array.effectiveWwnOf(device.id) }),
  has_effective_wwn: (array, device) => hasEffectiveWwn(array, device.id),
  encapsulated_wwn: () => undefined,
  nguid: (array, device) => ({ exactly: nguidOfWwn(array.wwnOf(device.id)) }),
  volume_identifier: (array, device) => array.config.devices[device.id]?.identifier,
  physical_name: () => undefined,
  volumeId: (_array, device) => device.id,
  status: () => 'Ready',
  type: () => 'TDEV',
  emulation: (_array, device) => device.emulation,
  cap_gb: (_array, device) => capacityOf(device.cylinders).gb,
  cap_mb: (_array, device) => capacityOf(device.cylinders).mb,
  cap_tb: (_array, device) => capacityOf(device.cylinders).tb,
  cap_cyl: (_array, device) => device.cylinders,
  allocated_percent: (_array, device) => allocatedPercent(device),
  num_of_storage_groups: (array, device) => array.index.groupsOf(device.id).length,
  num_of_masking_views: (array, device) => array.index.viewsOf(device.id).length,
  num_of_front_end_paths: (array, device) => array.index.pathsOf(device.id),
  mobility_id_enabled: (array, device) => array.config.devices[device.id]?.mobilityWwn !== undefined,
  tdev: () => true,
  gatekeeper: (_array, device) => isGatekeeper(device),
  data_volume: () => false,
  mapped: (array, device) => array.index.viewsOf(device.id).length > 0,
  reserved: () => false,
  pinned: () => false,
  encapsulated: () => false,
  associated: (array, device) => array.index.groupsOf(device.id).length > 0,
  available_thin_volumes: (array, device) => array.index.groupsOf(device.id).length === 0,
  virtual_volumes: (array, device) => array.index.vvolOf(device.id) !== undefined,
  private_volumes: () => false,
  rdf_group_number: () => undefined,
  unreducible_data_gb: () => 0,
};

/** Parameters of the same lists that select nothing. */
const NOT_FILTERS = new Set(['expiration_time_mins', 'executionOption']);

/** Devices in the order of their ids that pass every filter. `ignored` gets the names Unisphere would ignore as well. */
export function filterDevices(
  array: LabArray,
  query: URLSearchParams,
  ignored: (name: string) => void,
): readonly DeviceInfo[] {
  for (const name of new Set(query.keys())) if (!Object.hasOwn(FILTERS, name) && !NOT_FILTERS.has(name)) ignored(name);
  return array.store
    .devices()
    .filter((device) => array.births.shown(device.id, true) && passesFilters(FILTERS, array, device, query))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}
