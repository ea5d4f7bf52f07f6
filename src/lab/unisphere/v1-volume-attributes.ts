import type { DeviceInfo } from '../devices/store-contract.ts';
import { capacityOf, nguidOfWwn } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { hasSnapIds } from './releases.ts';
import { isShownRestored, shownGeneration, shownSnapshots } from './snapvx-session.ts';
import type { Attribute, AttributeTable, AttributeValue, Nested } from './v1-query.ts';
import { hasEffectiveWwn, isShownSource, isShownTarget } from './volume-answers.ts';

const TRACK_BYTES = 131072;
const TRACKS_PER_CYLINDER = 15;

export interface VolumeItem {
  readonly array: LabArray;
  readonly device: DeviceInfo;
}

const attribute = (
  description: string,
  read: (array: LabArray, device: DeviceInfo) => AttributeValue,
): Attribute<VolumeItem> => ({ description, read: ({ array, device }) => read(array, device) });

/** An identity: compared as the server spells it, in upper case. */
const identity = (
  description: string,
  read: (array: LabArray, device: DeviceInfo) => string,
): Attribute<VolumeItem> => ({ ...attribute(description, read), exactCase: true });

function snapshotsOf(array: LabArray, device: DeviceInfo): readonly Nested[] {
  return shownSnapshots(array, device.id).map((snapshot) => ({
    id: hasSnapIds(array.microcode) ? snapshot.snapId : undefined,
    name: snapshot.name,
    timestamp_ms: snapshot.createdAt.getTime(),
    generation: shownGeneration(array, snapshot.generation),
    type: 'manual',
    linked: snapshot.links.length > 0,
    restored: isShownRestored(array, snapshot),
    expired: snapshot.expired,
    expiry_date: snapshot.expiresAt?.getTime(),
    secured: snapshot.secured,
    failed: snapshot.state.includes('Failed'),
    persistent: false,
    cap_gb: capacityOf(snapshot.sizeTracks / TRACKS_PER_CYLINDER).gb,
    tracks: snapshot.tracks,
    track_size: TRACK_BYTES,
  }));
}

/** One row per view; a view of a host group tells no host. */
function maskingViewsOf(array: LabArray, device: DeviceInfo): readonly Nested[] {
  return array.index.viewsOf(device.id).map((view) => ({
    id: view.id,
    host: view.host === undefined ? undefined : { id: view.host },
    port_group: { id: view.portGroup },
    storage_group: { id: view.storageGroup },
  }));
}

/** Attributes of `GET /univmax/rest/v1/systems/{id}/volumes` (PyU4V volume metadata; Unisphere 10.3 OpenAPI). */
export const VOLUME_ATTRIBUTES: AttributeTable<VolumeItem> = {
  id: attribute('Device id', (_array, device) => device.id),
  type: attribute('Configuration', () => 'TDEV'),
  system: attribute('Array', (array) => ({ id: array.id })),
  emulation: attribute('Emulation', (_array, device) => device.emulation),
  status: attribute('Status', () => 'Ready'),
  identifier: attribute('Name given by the user', (array, device) => array.config.devices[device.id]?.identifier),
  ssid: attribute('Subsystem id', () => '0xFFFFFFFF'),
  nguid: identity('NVMe identity', (array, device) => nguidOfWwn(array.wwnOf(device.id))),
  wwn: identity('World wide name', (array, device) => array.wwnOf(device.id)),
  effective_wwn: identity('World wide name hosts see', (array, device) => array.effectiveWwnOf(device.id)),
  has_effective_wwn: attribute('The two differ', (array, device) => hasEffectiveWwn(array, device.id)),
  mobility_id_enabled: attribute(
    'Mobility id',
    (array, device) => array.config.devices[device.id]?.mobilityWwn !== undefined,
  ),
  encapsulated: attribute('Encapsulated', () => false),
  snapvx_source: attribute('Source of a snapshot', isShownSource),
  snapvx_target: attribute('Linked to a snapshot', isShownTarget),
  num_of_storage_groups: attribute('Storage groups', (array, device) => array.index.groupsOf(device.id).length),
  storage_groups: attribute('Storage groups', (array, device) =>
    array.index.groupsOf(device.id).map((group) => ({ id: group.id })),
  ),
  num_of_masking_views: attribute('Masking views', (array, device) => array.index.viewsOf(device.id).length),
  masking_views: attribute('Masking views', maskingViewsOf),
  num_of_snapshots: attribute('Snapshots', (array, device) => shownSnapshots(array, device.id).length),
  snapshots: attribute('Snapshots', snapshotsOf),
  clones: attribute('Clones', () => []),
  rdf_infos: attribute('SRDF pairs', () => []),
  cap_tb: attribute('Capacity in TB', (_array, device) => capacityOf(device.cylinders).tb),
  cap_gb: attribute('Capacity in GB', (_array, device) => capacityOf(device.cylinders).gb),
  cap_mb: attribute('Capacity in MB', (_array, device) => capacityOf(device.cylinders).mb),
  cap_cyl: attribute('Capacity in cylinders', (_array, device) => device.cylinders),
  srp: attribute('Storage resource pool', () => ({ id: 'SRP_1' })),
  unreducible_data_gb: attribute('Unreducible data', () => 0),
  data_reduction_ratio_to_one: attribute('Data reduction ratio', () => 0),
  data_reduction_enabled: attribute('Data reduction', () => false),
  effective_used_capacity_gb: attribute('Effective used capacity', (_array, device) =>
    Number(((device.allocatedTracks * TRACK_BYTES) / 2 ** 30).toFixed(2)),
  ),
};
