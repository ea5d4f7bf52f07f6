import { formatDeviceId, parseDeviceId } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { guardStore } from './store-refusals.ts';

/** New thin devices of these sizes, at the lowest free ids. */
export function newVolumes(array: LabArray, cylinders: readonly number[]): readonly string[] {
  const taken = new Set(array.store.devices().map((device) => device.id));
  let next = 1;
  return cylinders.map((size) => {
    while (taken.has(formatDeviceId(next))) next += 1;
    const id = formatDeviceId(next);
    guardStore(array, () => array.store.createDevice({ id, cylinders: size }));
    next += 1;
    return id;
  });
}

/** Devices of exactly this size nobody uses: what a best-effort request is handed instead of a new one. */
export function unassociatedVolumes(array: LabArray, cylinders: number): readonly string[] {
  const endpoints = new Set(array.config.protocolEndpoints);
  return array.store
    .devices()
    .filter(
      (device) =>
        device.cylinders === cylinders &&
        !device.isSource &&
        !device.isTarget &&
        !endpoints.has(device.id) &&
        array.config.devices[device.id]?.identifier === undefined &&
        array.index.vvolOf(device.id) === undefined &&
        array.index.groupsOf(device.id).length === 0,
    )
    .map((device) => device.id)
    .sort((one, other) => parseDeviceId(one) - parseDeviceId(other));
}
