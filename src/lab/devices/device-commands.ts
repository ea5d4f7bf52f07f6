import type { Device } from './device-record.ts';
import { materialise, saveLinks } from './link-commands.ts';
import { linkInfo } from './link-progress.ts';
import { type CreateDeviceRequest, StoreError } from './store-contract.ts';
import { commit, deviceOf, keyOf, newDevice, recordOf, type StoreState, sizeBytesOf } from './store-state.ts';
import { adoptHostWrites } from './track-data.ts';

export function createDevice(state: StoreState, { id, cylinders, emulation = 'FBA' }: CreateDeviceRequest): Device {
  if (!/^[0-9A-F]{5}$/.test(id)) {
    throw new StoreError('bad-device-id', `device id "${id}" is not five upper-case hex digits`, { device: id });
  }
  if (state.devices.has(id)) throw new StoreError('device-exists', `device "${id}" exists already`, { device: id });
  checkCylinders(id, cylinders, 1);
  const device = newDevice(state, { id, cylinders, emulation, hostVisible: false });
  state.files.truncate(device.rawPath, sizeBytesOf(device));
  commit(state, { set: { [keyOf.device(device)]: recordOf.device(device) } });
  state.devices.set(id, device);
  state.events.add('array', 'effect', 'create-device', id, { cylinders, emulation });
  return device;
}

export function deleteDevice(state: StoreState, id: string): void {
  const device = deviceOf(state, id);
  if (device.link || device.snapshots.length > 0) {
    throw new StoreError('device-in-session', `device "${id}" is a snapshot's source or target`, { device: id });
  }
  commit(state, { drop: [keyOf.device(device)] });
  state.devices.delete(id);
  state.files.remove(device.rawPath);
  device.used.clear();
  device.own.clear();
  state.events.add('array', 'effect', 'delete-device', id);
}

export function expandDevice(state: StoreState, id: string, cylinders: number): Device {
  const device = deviceOf(state, id);
  checkCylinders(id, cylinders, device.cylinders + 1);
  state.files.truncate(device.rawPath, sizeBytesOf({ ...device, cylinders }));
  commit(state, { set: { [keyOf.device(device)]: recordOf.device({ ...device, cylinders }) } });
  device.cylinders = cylinders;
  state.events.add('array', 'effect', 'expand-device', id, { cylinders });
  return device;
}

export function setHostVisible(state: StoreState, id: string, visible: boolean): void {
  const device = deviceOf(state, id);
  if (device.hostVisible === visible) return;
  adoptHostWrites(device);
  if (visible && device.link) materialise(state, device.link);
  if (!visible && device.link && linkInfo(state, device.link).modified) {
    saveLinks(state, [device.link], { modified: true });
  }
  commit(state, { set: { [keyOf.device(device)]: recordOf.device({ ...device, hostVisible: visible }) } });
  device.hostVisible = visible;
  state.events.add('array', 'effect', visible ? 'present' : 'withdraw', id);
}

function checkCylinders(id: string, cylinders: number, least: number): void {
  if (Number.isSafeInteger(cylinders) && cylinders >= least) return;
  throw new StoreError('bad-size', `size of device "${id}" cannot be ${cylinders} cylinders`, { device: id });
}
