import type { Emulation } from '../devices/store-contract.ts';
import { formatDeviceId, parseDeviceId } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { arrayFull } from './messages.ts';
import { guardStore } from './store-refusals.ts';

/** New thin devices of these sizes, at the lowest free ids: ids of deleted devices are given out again. All of them or none. */
export function newVolumes(
  array: LabArray,
  cylinders: readonly number[],
  emulation: Emulation = 'FBA',
): readonly string[] {
  if (array.store.devices().length + cylinders.length > array.knobs.maxDevices) throw arrayFull();
  const taken = new Set(array.store.devices().map((device) => device.id));
  let next = 1;
  return cylinders.map((size) => {
    while (taken.has(formatDeviceId(next))) next += 1;
    const id = formatDeviceId(next);
    guardStore(array, () => array.store.createDevice({ id, cylinders: size, emulation }));
    array.births.note(id, false);
    next += 1;
    return id;
  });
}

/** Devices of exactly this size and kind nobody uses: what a best-effort request is handed instead of a new one. */
export function unassociatedVolumes(array: LabArray, cylinders: number, emulation: Emulation): readonly string[] {
  const endpoints = new Set(array.config.protocolEndpoints);
  return array.store
    .devices()
    .filter(
      (device) =>
        device.cylinders === cylinders &&
        device.emulation === emulation &&
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
