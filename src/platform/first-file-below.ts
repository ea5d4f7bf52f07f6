import { opendir } from 'node:fs/promises';
import path from 'node:path';
import { SnaphookError } from '../ports/errors.ts';
import { systemErrorCode } from './system-error.ts';

/**
 * Whatever is no folder, the first one that is met, links and mount points of Windows among it; undefined: there are folders alone, or
 * nothing. Errors: `E_EXPORT`.
 */
export async function firstFileBelow(folder: string): Promise<string | undefined> {
  const folders = [folder];
  for (let current = folders.pop(); current !== undefined; current = folders.pop()) {
    const entries = await opendir(current).catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw new SnaphookError('E_EXPORT', `folder "${current}" cannot be looked into`, { cause: error });
    });
    for await (const entry of entries) {
      const file = path.join(current, entry.name);
      if (!entry.isDirectory()) return file;
      folders.push(file);
    }
  }
  return undefined;
}
