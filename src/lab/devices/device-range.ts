import type { BlockDevice } from './block-device.ts';

/** A stretch of a device as a device of its own: where a virtual disk lies in a datastore. */
export function deviceRange(below: BlockDevice, atBytes: number, sizeBytes: number): BlockDevice {
  const check = (offset: number, length: number): void => {
    if (offset < 0 || offset + length > sizeBytes)
      throw new RangeError(`${offset}+${length} is outside of ${sizeBytes}`);
  };
  return {
    sizeBytes,
    read(offset, length) {
      check(offset, length);
      return below.read(atBytes + offset, length);
    },
    write(offset, data) {
      check(offset, data.length);
      below.write(atBytes + offset, data);
    },
  };
}
