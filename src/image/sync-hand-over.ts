import path from 'node:path';
import { syncFolder } from '../platform/sync-folder.ts';
import { systemErrorCode } from '../platform/system-error.ts';

/**
 * Makes names in a folder of a hand-over directory survive a power cut, and the names of the folder and of those above it, up to the
 * directory. Some file systems of networks cannot, and say so with EINVAL: they do what they do.
 */
export async function syncHandOver(directory: string, folder = directory): Promise<void> {
  const root = path.resolve(directory);
  for (let current = path.resolve(folder); ; current = path.dirname(current)) {
    await syncFolder(current).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'EINVAL') throw error;
    });
    if (!current.startsWith(root + path.sep)) return;
  }
}
