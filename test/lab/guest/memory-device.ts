import type { BlockDevice } from '../../../src/lab/devices/block-device.ts';

export interface MemoryDevice extends BlockDevice {
  /** The content at this instant, as a device of its own. */
  copy(): MemoryDevice;
  readonly content: Buffer;
}

/** A device in memory; `afterWrite` is called after every write, at that very instant. */
export function memoryDevice(content: Buffer | number, afterWrite?: () => void): MemoryDevice {
  const bytes = typeof content === 'number' ? Buffer.alloc(content) : content;
  return {
    sizeBytes: bytes.length,
    content: bytes,
    read: (offsetBytes, lengthBytes) => Buffer.from(bytes.subarray(offsetBytes, offsetBytes + lengthBytes)),
    write: (offsetBytes, data) => {
      bytes.set(data, offsetBytes);
      afterWrite?.();
    },
    copy: () => memoryDevice(Buffer.from(bytes)),
  };
}
