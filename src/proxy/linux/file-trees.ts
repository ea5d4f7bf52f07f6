import { chmod, lstat, mkdir, readdir, realpath, rename, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { FileTrees, TreeEntry, TreePlace, TreeSummary } from '../../ports/file-trees.ts';
import { copyTree } from './copy-tree.ts';
import { mountsBelow } from './mounts.ts';
import { type Found, walkTree } from './walk-tree.ts';

const OWN_ALONE = 0o700;
const OTHERS_MAY_WRITE = 0o022;
const MAX_ENTRIES = 1000;

export const linuxFileTrees: FileTrees = {
  async checkDestination(to) {
    const parent = path.dirname(to);
    // Whoever may write to a folder on the way could lead what is restored elsewhere.
    const real = await realpath(parent).catch((cause: unknown) => {
      throw refused(
        `"${parent}" is no folder (${systemErrorCode(cause)})`,
        'Make it, or name another one with `--to`.',
      );
    });
    if (real !== parent) throw refused(`"${to}" is reached through a link`, `Name it by its own path, in "${real}".`);
    const stats = await lstat(to).catch(() => undefined);
    if (!stats) return;
    const isOwn = stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & OTHERS_MAY_WRITE) === 0;
    if (isOwn && (await readdir(to)).length === 0) return;
    throw refused(
      `"${to}" is not an empty folder of this account alone`,
      'Nothing is overwritten: name a folder that is not there yet with `--to`.',
    );
  },

  async makeWorkFolder(folder) {
    await mkdir(folder, { mode: OWN_ALONE }).catch((cause: unknown) => {
      throw refused(
        `"${folder}" cannot be made (${systemErrorCode(cause)})`,
        'Name another folder with `--to`.',
        cause,
      );
    });
    // The mask of this process may have taken rights away.
    await chmod(folder, OWN_ALONE);
  },

  look: async (place, signal) => summaryOf(await placeOf(place), signal),

  async copy(place, into, progress, signal) {
    const found = await placeOf(place);
    const summary = await summaryOf(found, signal);
    await mkdir(into, { mode: OWN_ALONE });
    const { bavail, bsize } = await statfs(into);
    if (bavail * bsize < summary.sizeBytes) {
      throw new SnaphookError(
        'E_PROXY_SPACE',
        `"${path.dirname(into)}" has ${bavail * bsize} bytes free, the files have ${summary.sizeBytes}`,
        { hint: 'Free space there, or name a folder elsewhere with `--to`.' },
      );
    }
    const name = place.names.at(-1);
    await copyTree(found, name === undefined ? Buffer.from(into) : Buffer.from(`${into}/${name}`), progress, signal);
    return summary;
  },

  async publish(from, to) {
    await linuxFileTrees.checkDestination(to);
    await rename(from, to);
  },

  async removeWorkFolder(folder) {
    const stats = await lstat(folder).catch(() => undefined);
    if (!stats) return;
    const [mount] = await mountsBelow(folder);
    const isOwn = stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o777) === OWN_ALONE;
    if (mount || !isOwn) {
      throw new SnaphookError(
        'E_PROXY',
        mount
          ? `"${folder}" is not removed: "${mount.mountPoint}" is a mount`
          : `"${folder}" is no folder that a restore made`,
        { hint: 'See what lies there and remove it; then run `snaphook reap --apply`.' },
      );
    }
    await rm(folder, { recursive: true });
  },
};

/** The place itself; no name on the way may be a link, which could lead out of the file system. */
async function placeOf({ root, names }: TreePlace): Promise<Buffer> {
  let place = root;
  for (const [index, name] of names.entries()) {
    place = `${place}/${name}`;
    const stats = await lstat(place).catch((cause: unknown) => {
      throw refused(
        `"/${names.slice(0, index + 1).join('/')}" is not on the file system (${systemErrorCode(cause)})`,
        'Name the path as the guest has it, or with `--volume` as that file system has it.',
        cause,
      );
    });
    if (stats.isSymbolicLink() && index < names.length - 1) {
      throw refused(
        `"/${names.slice(0, index + 1).join('/')}" is a link in the guest`,
        'Links are not followed: name the path that it leads to.',
      );
    }
  }
  return Buffer.from(place);
}

async function summaryOf(place: Buffer, signal: AbortSignal): Promise<TreeSummary> {
  const counts = { file: 0, folder: 0, link: 0, special: 0 };
  const entries: TreeEntry[] = [];
  let sizeBytes = 0;
  for await (const found of walkTree(place, signal)) {
    const bytes = found.kind === 'file' ? found.stats.size : 0;
    counts[found.kind] += 1;
    sizeBytes += bytes;
    if (entries.length < MAX_ENTRIES) entries.push(entryOf(found, bytes));
  }
  return {
    files: counts.file,
    folders: counts.folder,
    links: counts.link,
    specials: counts.special,
    sizeBytes,
    entries,
  };
}

const entryOf = ({ below, kind }: Found, sizeBytes: number): TreeEntry => ({
  path: below.toString('utf8'),
  kind,
  sizeBytes,
});

const refused = (why: string, hint: string, cause?: unknown) =>
  new SnaphookError('E_RESTORE', `no files can be restored: ${why}`, { hint, cause });
