import { lstat, readdir, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * The folder, and those above it up to `root`, which stays: only empty ones, as a folder that holds something is not ours alone, and none
 * that another file system begins at. Windows removes a mount point like an empty folder, and Linux an empty subvolume of btrfs.
 */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  const own = await stat(root).catch(() => undefined);
  for (let current = folder; current.startsWith(root + path.sep); current = path.dirname(current)) {
    const stats = await lstat(current).catch(() => undefined);
    if (!stats?.isDirectory() || stats.dev !== own?.dev) return;
    if ((await readdir(current).catch(() => [''])).length > 0) return;
    await rmdir(current).catch(() => undefined);
  }
}
