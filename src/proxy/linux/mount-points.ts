import { chmod, lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../../platform/ensure-folder.ts';
import { SnaphookError } from '../../ports/errors.ts';

const OWNERS_ALONE = 0o700;

/**
 * Makes the folder, with all between `root` and it this user's alone, also where they were there before: what a guest lets everybody read is
 * nothing for the users of this machine. Errors: `E_EXPORT` where a link leads to it, or a folder on the way is another user's.
 */
export async function makeMountPoint(root: string, mountPoint: string): Promise<void> {
  await ensureFolder(mountPoint, OWNERS_ALONE);
  if ((await realpath(mountPoint)) !== mountPoint) {
    throw new SnaphookError('E_EXPORT', `"${mountPoint}" is reached through a link`, {
      hint: 'Remove the link: mounts are made in the hand-over directory alone.',
    });
  }
  for (let folder = mountPoint; folder.startsWith(root + path.sep); folder = path.dirname(folder)) {
    const { uid, mode } = await lstat(folder);
    if (uid !== process.getuid?.()) {
      throw new SnaphookError('E_EXPORT', `folder "${folder}" belongs to another user (id ${uid})`, {
        hint: 'Remove it: in the hand-over directory the hook makes the folders for mounts by itself.',
      });
    }
    if ((mode & 0o777) !== OWNERS_ALONE) await chmod(folder, OWNERS_ALONE);
  }
}
