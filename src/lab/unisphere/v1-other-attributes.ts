import {
  findNamed,
  type Host,
  type Initiator,
  type MaskingView,
  type PortGroup,
  type StorageGroup,
  sameName,
} from './array-config.ts';
import { initiatorType } from './initiators.ts';
import type { LabArray } from './lab-array.ts';
import { membersOf } from './presentation.ts';
import { hasSnapIds } from './releases.ts';
import { shownSnapshots } from './snapvx-session.ts';
import { groupType } from './storage-group-answers.ts';
import type { Attribute, AttributeTable, AttributeValue } from './v1-query.ts';

interface Of<T> {
  readonly array: LabArray;
  readonly item: T;
}

const attributeOf =
  <T>() =>
  (description: string, read: (array: LabArray, item: T) => AttributeValue): Attribute<Of<T>> => ({
    description,
    read: ({ array, item }) => read(array, item),
  });

const idsOf = (ids: readonly string[]) => ids.map((id) => ({ id }));

const ofGroup = attributeOf<StorageGroup>();
const members = (array: LabArray, group: StorageGroup) => membersOf(array.config, group);

function groupSnapshotRows(array: LabArray, group: StorageGroup) {
  const shown = members(array, group).flatMap((id) => (array.device(id) ? shownSnapshots(array, id) : []));
  const rows = new Map(shown.map((row) => [`${row.name} ${row.snapId}`, row]));
  return [...rows.values()].map((row) => ({
    id: hasSnapIds(array.microcode) ? row.snapId : undefined,
    name: row.name,
    timestamp_ms: row.createdAt.getTime(),
  }));
}

export const STORAGE_GROUP_ATTRIBUTES: AttributeTable<Of<StorageGroup>> = {
  id: ofGroup('Name', (_array, group) => group.id),
  resource_type: ofGroup('Kind of object', () => 'storage-groups'),
  type: ofGroup('standalone, parent or child', (array, group) => groupType(array, group).toLowerCase()),
  uuid: ofGroup('Identity', (_array, group) => group.uuid),
  system: ofGroup('Array', (array) => ({ id: array.id })),
  volume_emulation: ofGroup('Emulation', () => 'FBA'),
  srp: ofGroup('Storage resource pool', (_array, group) => (group.srp ? { id: group.srp } : undefined)),
  service_level: ofGroup('Service level', (_array, group) =>
    group.serviceLevel ? { id: group.serviceLevel } : undefined,
  ),
  num_of_volumes: ofGroup('Volumes', (array, group) => members(array, group).length),
  volumes: ofGroup('Volumes', (array, group) => idsOf(members(array, group))),
  num_of_child_storage_groups: ofGroup('Children', (_array, group) => group.children.length),
  child_storage_groups: ofGroup('Children', (_array, group) => idsOf(group.children)),
  num_of_parent_storage_groups: ofGroup('Parents', (array, group) => array.index.parentsOf(group).length),
  parent_storage_groups: ofGroup('Parents', (array, group) =>
    idsOf(array.index.parentsOf(group).map((parent) => parent.id)),
  ),
  num_of_masking_views: ofGroup('Masking views', (array, group) => array.index.viewsOfGroup(group).length),
  masking_views: ofGroup('Masking views', (array, group) =>
    idsOf(array.index.viewsOfGroup(group).map((view) => view.id)),
  ),
  num_of_snapshots: ofGroup('Snapshots', (array, group) => groupSnapshotRows(array, group).length),
  snapshots: ofGroup('Snapshots', groupSnapshotRows),
  num_of_snapshot_policies: ofGroup('Snapshot policies', () => 0),
  snapshot_policies: ofGroup('Snapshot policies', () => []),
  num_of_rdf_infos: ofGroup('SRDF', () => 0),
  rdf_infos: ofGroup('SRDF', () => []),
  data_reduction_enabled: ofGroup('Data reduction', (_array, group) => group.compression),
  data_reduction_ratio_to_one: ofGroup('Data reduction ratio', () => 0),
  unreducible_data_gb: ofGroup('Unreducible data', () => 0),
};

const ofView = attributeOf<MaskingView>();
export const MASKING_VIEW_ATTRIBUTES: AttributeTable<Of<MaskingView>> = {
  id: ofView('Name', (_array, view) => view.id),
  system: ofView('Array', (array) => ({ id: array.id })),
  host: ofView('Host', (_array, view) => (view.host ? { id: view.host } : undefined)),
  host_group: ofView('Host group', (_array, view) => (view.hostGroup ? { id: view.hostGroup } : undefined)),
  port_group: ofView('Port group', (_array, view) => ({ id: view.portGroup })),
  storage_group: ofView('Storage group', (_array, view) => ({ id: view.storageGroup })),
  num_of_volumes: ofView('Volumes', (array, view) => {
    const group = findNamed(array.config.storageGroups, view.storageGroup);
    return group ? members(array, group).length : 0;
  }),
};

const ofHost = attributeOf<Host>();
const viewsOf = (array: LabArray, host: Host) =>
  array.config.maskingViews.filter((view) => view.host !== undefined && sameName(view.host, host.id));
export const HOST_ATTRIBUTES: AttributeTable<Of<Host>> = {
  id: ofHost('Name', (_array, host) => host.id),
  system: ofHost('Array', (array) => ({ id: array.id })),
  type: ofHost('Protocol', (_array, host) => initiatorType(host.initiators[0] ?? '')),
  consistent_lun: ofHost('Same address at every initiator', (_array, host) => host.consistentLun),
  num_of_initiators: ofHost('Initiators', (_array, host) => host.initiators.length),
  initiators: ofHost('Initiators', (_array, host) => idsOf(host.initiators)),
  num_of_masking_views: ofHost('Masking views', (array, host) => viewsOf(array, host).length),
  masking_views: ofHost('Masking views', (array, host) => idsOf(viewsOf(array, host).map((view) => view.id))),
};

const ofInitiator = attributeOf<Initiator>();
export const INITIATOR_ATTRIBUTES: AttributeTable<Of<Initiator>> = {
  id: ofInitiator('WWPN or IQN', (_array, initiator) => initiator.id),
  system: ofInitiator('Array', (array) => ({ id: array.id })),
  type: ofInitiator('Protocol', (_array, initiator) => initiatorType(initiator.id)),
  host: ofInitiator('Host', (array, initiator) => {
    const host = array.config.hosts.find((one) => one.initiators.includes(initiator.id));
    return host ? { id: host.id } : undefined;
  }),
  logged_in: ofInitiator('Logged in', (_array, initiator) => initiator.loggedIn),
  on_fabric: ofInitiator('On the fabric', (_array, initiator) => initiator.onFabric),
};

const ofPorts = attributeOf<PortGroup>();
export const PORT_GROUP_ATTRIBUTES: AttributeTable<Of<PortGroup>> = {
  id: ofPorts('Name', (_array, group) => group.id),
  system: ofPorts('Array', (array) => ({ id: array.id })),
  port_group_protocol: ofPorts('Protocol', (array, group) => (array.isV4 ? group.protocol : undefined)),
  num_of_ports: ofPorts('Ports', (_array, group) => group.ports.length),
  ports: ofPorts('Ports', (_array, group) => idsOf(group.ports.map(({ director, port }) => `${director}:${port}`))),
};
