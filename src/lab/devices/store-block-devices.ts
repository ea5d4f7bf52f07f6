import type { BlockDevice } from './block-device.ts';
import type { Device, Snapshot } from './device-record.ts';
import { StoreError, TRACK_BYTES } from './store-contract.ts';
import { type StoreState, sizeBytesOf } from './store-state.ts';
import { readDevice, readSnapshot } from './track-data.ts';
import { writeThrough } from './write-through.ts';

export function openDevice(state: StoreState, device: Device, closed: () => boolean): BlockDevice {
  const check = (offsetBytes: number, lengthBytes: number): void => {
    if (closed()) throw new StoreError('store-closed', 'the device store is closed');
    if (state.devices.get(device.id) !== device) {
      throw new StoreError('no-such-device', `device "${device.id}" was deleted`, { device: device.id });
    }
    checkRange(device.id, offsetBytes, lengthBytes, sizeBytesOf(device));
  };
  return {
    get sizeBytes() {
      return sizeBytesOf(device);
    },
    read(offsetBytes, lengthBytes) {
      check(offsetBytes, lengthBytes);
      const into = Buffer.allocUnsafe(lengthBytes);
      readDevice(device, offsetBytes, into);
      return into;
    },
    write(offsetBytes, data) {
      check(offsetBytes, data.length);
      writeThrough(state, device, offsetBytes, data);
    },
  };
}

export function openSnapshot(snapshot: Snapshot, closed: () => boolean): BlockDevice {
  const sizeBytes = snapshot.sizeTracks * TRACK_BYTES;
  const { source } = snapshot;
  const subject = { device: source.id, snapshot: snapshot.name };
  return {
    sizeBytes,
    read(offsetBytes, lengthBytes) {
      if (closed()) throw new StoreError('store-closed', 'the device store is closed');
      if (!source.snapshots.includes(snapshot)) {
        throw new StoreError('no-such-snapshot', `snapshot "${snapshot.name}" was terminated`, subject);
      }
      checkRange(source.id, offsetBytes, lengthBytes, sizeBytes);
      const into = Buffer.allocUnsafe(lengthBytes);
      readSnapshot(snapshot, offsetBytes, into);
      return into;
    },
    write() {
      throw new StoreError('read-only', `snapshot "${snapshot.name}" cannot be written to`, subject);
    },
  };
}

function checkRange(device: string, offsetBytes: number, lengthBytes: number, sizeBytes: number): void {
  const valid = Number.isSafeInteger(offsetBytes) && Number.isSafeInteger(lengthBytes);
  if (valid && offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= sizeBytes) return;
  throw new StoreError(
    'out-of-range',
    `bytes ${offsetBytes} to ${offsetBytes + lengthBytes} are not all on device "${device}" of ${sizeBytes} bytes`,
    { device },
  );
}
