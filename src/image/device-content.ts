import type { FileHandle } from 'node:fs/promises';
import { readFull } from './file-io.ts';
import type { ReadableContent } from './leaves.ts';

/** The first bytes of a device; reading fails where it ends before them. */
export const deviceContent = (device: FileHandle, devicePath: string, sizeBytes: number): ReadableContent => ({
  sizeBytes,
  async read(buffer, positionBytes) {
    const filled = await readFull(device, buffer, positionBytes);
    if (filled === buffer.length) return;
    throw new Error(`device "${devicePath}" ends at byte ${positionBytes + filled}, before ${sizeBytes}`);
  },
});
