import { readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';

/** The folder, and those above it up to `root`, which stays: only empty ones, as a folder that holds something is not ours alone. */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let current = folder; current.startsWith(root + path.sep); current = path.dirname(current)) {
    if ((await readdir(current).catch(() => [''])).length > 0) return;
    await rmdir(current).catch(() => undefined);
  }
}
