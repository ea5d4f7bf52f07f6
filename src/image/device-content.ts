import type { FileHandle } from 'node:fs/promises';
import type { FileContent } from './leaf-inspector.ts';

/** The first bytes of a device; reading fails where it ends before them. */
export const deviceContent = (file: FileHandle, devicePath: string, sizeBytes: number): FileContent => ({
  sizeBytes,
  file,
  name: `device "${devicePath}"`,
});
