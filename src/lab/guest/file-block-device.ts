import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { BlockDevice } from '../devices/block-device.ts';

/** A file (or a block device node, whose size then is not checked) to read; writing is an error. Close it after use. */
export function fileBlockDevice(path: string): BlockDevice & { close(): void } {
  const descriptor = openSync(path, 'r');
  const state = fstatSync(descriptor);
  return {
    sizeBytes: state.isFile() ? state.size : Number.MAX_SAFE_INTEGER,
    read(offsetBytes, lengthBytes) {
      const buffer = Buffer.alloc(lengthBytes);
      const count = readSync(descriptor, buffer, 0, lengthBytes, offsetBytes);
      if (count !== lengthBytes) throw new Error(`"${path}" ends before byte ${offsetBytes + lengthBytes}`);
      return buffer;
    },
    write() {
      throw new Error(`"${path}" is open for reading only`);
    },
    close: () => closeSync(descriptor),
  };
}
