import type { DeviceInfo } from '../devices/store-contract.ts';
import { findNamed } from './array-config.ts';
import { capacityOf, nguidOfWwn } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';

/** Standard size of the devices management software talks to the array through. */
const GATEKEEPER_CYLINDERS = 3;

export const isGatekeeper = (device: DeviceInfo): boolean => device.cylinders <= GATEKEEPER_CYLINDERS;

export const isShownSource = (array: LabArray, device: DeviceInfo): boolean =>
  array.lag.shown(`source ${device.id}`, device.isSource);
export const isShownTarget = (array: LabArray, device: DeviceInfo): boolean =>
  array.lag.shown(`target ${device.id}`, device.isTarget);

export const allocatedPercent = (device: DeviceInfo): number =>
  device.tracks === 0 ? 0 : Math.floor((100 * device.allocatedTracks) / device.tracks);

export const hasEffectiveWwn = (array: LabArray, device: string): boolean =>
  array.effectiveWwnOf(device) !== array.wwnOf(device);

/** `GET /{ver}/sloprovisioning/symmetrix/{id}/volume/{device}` */
export function volumeBody(array: LabArray, device: DeviceInfo, apiVersion: number): unknown {
  const { index, config } = array;
  const groups = index.groupsOf(device.id);
  const capacity = capacityOf(device.cylinders);
  const ports = portKeysOf(array, device.id);
  return {
    volumeId: device.id,
    type: 'TDEV',
    emulation: device.emulation,
    ssid: 'FFFFFFFF',
    allocated_percent: allocatedPercent(device),
    cap_gb: capacity.gb,
    cap_mb: capacity.mb,
    cap_cyl: device.cylinders,
    status: 'Ready',
    reserved: false,
    pinned: false,
    volume_identifier: config.devices[device.id]?.identifier,
    wwn: array.wwnOf(device.id),
    encapsulated: false,
    num_of_storage_groups: groups.length,
    num_of_front_end_paths: index.pathsOf(device.id),
    storageGroupId: groups.length > 0 ? groups.map((group) => group.id) : undefined,
    symmetrixPortKey: ports.length > 0 ? ports : undefined,
    snapvx_source: isShownSource(array, device),
    snapvx_target: isShownTarget(array, device),
    has_effective_wwn: hasEffectiveWwn(array, device.id),
    effective_wwn: array.effectiveWwnOf(device.id),
    mobility_id_enabled: config.devices[device.id]?.mobilityWwn !== undefined,
    ...(apiVersion >= 100 && {
      storage_groups:
        groups.length > 0
          ? groups.map((group) => ({
              storage_group_name: group.id,
              parent_storage_group_name: index.parentsOf(group)[0]?.id,
            }))
          : undefined,
      unreducible_data_gb: 0,
      nguid: nguidOfWwn(array.wwnOf(device.id)),
    }),
  };
}

function portKeysOf(array: LabArray, device: string): readonly unknown[] {
  const keys = new Map<string, unknown>();
  for (const view of array.index.viewsOf(device))
    for (const { director, port } of findNamed(array.config.portGroups, view.portGroup)?.ports ?? [])
      keys.set(`${director}:${port}`, { directorId: director, portId: port });
  return [...keys.values()];
}
