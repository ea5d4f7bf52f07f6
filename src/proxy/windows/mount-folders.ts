import { lstat, readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../../platform/ensure-folder.ts';
import { removeEmptyFolders } from '../../platform/remove-empty-folders.ts';
import { SnaphookError } from '../../ports/errors.ts';

/** As Windows compares folders: upper and lower case are the same, and so is a separator at the end. */
const comparable = (folder: string): string => folder.replace(/[\\/]+$/, '').toLowerCase();

export const isSameFolder = (a: string, b: string): boolean => comparable(a) === comparable(b);

export const isInFolder = (folder: string, inner: string): boolean =>
  comparable(inner).startsWith(comparable(folder) + path.sep);

/** Of what is mounted in the folder of a disk. */
export const PART_NAME = /^part\d+$/;

/** Windows mounts to empty folders alone. Errors: `E_EXPORT`. */
export async function makeMountFolder(folder: string): Promise<void> {
  await ensureFolder(folder);
  const [name] = await readdir(folder);
  if (name === undefined) return;
  throw new SnaphookError('E_EXPORT', `"${folder}" is not empty: it holds "${name}"`, {
    hint: '`snaphook reap` tells whose it is. Each job needs a hand-over directory of its own.',
  });
}

/**
 * The folders of a disk, up to the hand-over directory. Only empty ones: a folder that holds something is not ours alone. Windows removes
 * a mount point like an empty folder, and with it the mount: what is mounted in the folder keeps it, and one above it stays as well.
 */
export async function removeMountFolders(root: string, folder: string, mountPoints: readonly string[]): Promise<void> {
  if (mountPoints.some((one) => isSameFolder(one, folder) || isInFolder(folder, one))) return;
  for (const name of await readdir(folder).catch(() => [])) {
    const file = path.join(folder, name);
    // Windows removes a link like an empty folder, too, whoever made it.
    const isLink = (await lstat(file).catch(() => undefined))?.isSymbolicLink() ?? false;
    if (PART_NAME.test(name) && !isLink) await rmdir(file).catch(() => undefined);
  }
  let stays = path.dirname(folder);
  while (isInFolder(root, stays) && !mountPoints.some((one) => isSameFolder(one, stays))) stays = path.dirname(stays);
  await removeEmptyFolders(folder, stays);
}
