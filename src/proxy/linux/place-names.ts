import { readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { removeEmptyFolders } from '../../platform/remove-empty-folders.ts';
import { LVM, WHOLE } from '../../ports/place-name.ts';

const PARTITION = /^part\d+$/;

/** The folders for mounts in that of a disk, and those between it and the root. Only empty ones: one that holds something is not ours alone. */
export async function removeFolders(root: string, folder: string): Promise<void> {
  for (const name of await foldersIn(folder)) {
    if (name === LVM) await removeGroups(path.join(folder, name));
    else if (name === WHOLE || PARTITION.test(name)) await rmdir(path.join(folder, name)).catch(() => undefined);
  }
  await removeEmptyFolders(folder, root);
}

async function removeGroups(folder: string): Promise<void> {
  for (const group of await foldersIn(folder)) {
    for (const volume of await foldersIn(path.join(folder, group)))
      await rmdir(path.join(folder, group, volume)).catch(() => undefined);
    await rmdir(path.join(folder, group)).catch(() => undefined);
  }
  await rmdir(folder).catch(() => undefined);
}

/** Links are not followed. */
async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
