import type { Device } from './device-record.ts';
import { commit, keyOf, recordOf, type StoreState } from './store-state.ts';
import { writeDevice } from './track-data.ts';

/** Every write to a device goes through here: the first one to a linked target is remembered as its modification. */
export function writeThrough(state: StoreState, device: Device, offsetBytes: number, data: Uint8Array): void {
  const { link } = device;
  if (link && !link.modified && data.length > 0) {
    commit(state, { set: { [keyOf.link(link)]: recordOf.link({ ...link, modified: true }) } });
    link.modified = true;
  }
  writeDevice(device, offsetBytes, data);
}
