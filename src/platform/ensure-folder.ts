import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder and its missing parents. Not `mkdir` with `recursive`: Node repeats that for ever where a file system
 * refuses a folder with ENOENT, as /proc does.
 */
export async function ensureFolder(folder: string, mode = 0o777): Promise<void> {
  const absolute = path.resolve(folder);
  if (await isFolder(absolute)) return;
  const parent = path.dirname(absolute);
  if (parent !== absolute) await ensureFolder(parent, mode);
  try {
    await mkdir(absolute, { mode });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!(await isFolder(absolute))) throw error;
  }
}

const isFolder = (folder: string): Promise<boolean> =>
  stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
