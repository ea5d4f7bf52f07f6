import { open } from 'node:fs/promises';
import { systemErrorCode } from '../platform/system-error.ts';
import { unreadDevice } from './export-error.ts';
import type { FileContent } from './leaf-inspector.ts';

/** The first bytes of a device; reading fails where it ends before them. Errors: `E_EXPORT`. */
export async function openDevice(devicePath: string, sizeBytes: number): Promise<FileContent> {
  const name = `device "${devicePath}"`;
  const file = await open(devicePath, 'r').catch((cause: unknown) => {
    throw unreadDevice(`${name} cannot be opened (${systemErrorCode(cause)})`, cause);
  });
  return { sizeBytes, file, name };
}
