import { chmod, lstat, mkdir, readdir, realpath, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { FileTrees, TreeEntry, TreePlace, TreeSummary } from '../../ports/file-trees.ts';
import { copyTree } from './copy-tree.ts';
import { mountsBelow } from './mounts.ts';
import { mustRun } from './programs.ts';
import { type Found, walkTree } from './walk-tree.ts';

const OWN_ALONE = 0o700;
const OTHERS_MAY_WRITE = 0o022;
/** Of a folder such as `/tmp`, in which only the owner renames what is his. */
const STICKY = 0o1000;
const ROOT_ID = 0;
const MAX_ENTRIES = 1000;

export const linuxFileTrees: FileTrees = {
  async checkDestination(to) {
    const parent = path.dirname(to);
    const real = await realpath(parent).catch((cause: unknown) => {
      throw refused(
        `"${parent}" is no folder (${systemErrorCode(cause)})`,
        'Make it, or name another one with `--to`.',
      );
    });
    if (real !== parent) throw refused(`"${to}" is reached through a link`, `Name it by its own path, in "${real}".`);
    await requireSafeWay(parent);
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

  look: (place, signal) => coded(async () => (await lookAt(await placeOf(place), signal)).summary, signal),

  copy: (place, into, progress, signal) => coded(() => copyPlace(place, into, progress, signal), signal),

  async publish(from, to) {
    await linuxFileTrees.checkDestination(to);
    await rename(from, to).catch((cause: unknown) => {
      throw refused(`"${to}" cannot be made (${systemErrorCode(cause)})`, 'Name another folder with `--to`.', cause);
    });
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

/** Whoever may rename a folder on the way could put a link in its place, and lead what is restored anywhere. */
async function requireSafeWay(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder);
  const isTrusted = uid === ROOT_ID || uid === process.getuid?.();
  if (!isTrusted || ((mode & OTHERS_MAY_WRITE) !== 0 && (mode & STICKY) === 0)) {
    throw refused(
      `other users may change folder "${folder}"`,
      "Name a folder with `--to` that is this account's alone.",
    );
  }
  if (path.dirname(folder) !== folder) await requireSafeWay(path.dirname(folder));
}

/** What the disk of a guest, or one of this machine, makes of it is told by its code. */
async function coded<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SnaphookError || signal.aborted) throw cause;
    const code = systemErrorCode(cause);
    if (code === 'ENOSPC' || code === 'EDQUOT') throw noRoom('the files do not fit', cause);
    const why = cause instanceof Error ? cause.message : code;
    throw refused(why, 'See the messages of the kernel (dmesg): the file system of the guest may be damaged.', cause);
  }
}

async function copyPlace(
  place: TreePlace,
  into: string,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<TreeSummary> {
  const found = await placeOf(place);
  const { summary, neededBytes } = await lookAt(found, signal);
  await mkdir(into, { mode: OWN_ALONE });
  const { bavail, bsize } = await statfs(into);
  if (bavail * bsize < neededBytes) {
    throw noRoom(`"${path.dirname(into)}" has ${bavail * bsize} bytes free, the files need ${neededBytes}`);
  }
  const name = place.names.at(-1);
  await copyTree(found, Buffer.from(name === undefined ? into : `${into}/${name}`), progress, signal);
  // Once for all: they may be many.
  await mustRun('sync', ['--file-system', into], signal);
  return summary;
}

const noRoom = (why: string, cause?: unknown) =>
  new SnaphookError('E_PROXY_SPACE', `no files can be restored: ${why}`, {
    hint: 'Free space there, or name a folder elsewhere with `--to`.',
    cause,
  });

/** The place itself; no name may lead up, and none on the way may be a link: both could lead out of the file system. */
async function placeOf({ root, names }: TreePlace): Promise<Buffer> {
  if (names.some((name) => name === '' || name === '.' || name === '..' || /[/\0]/.test(name))) {
    throw refused(
      `${JSON.stringify(names.join('/'))} does not lead down from the root`,
      'Name the path without `.` and `..`.',
    );
  }
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

/** stat(2): a block of `st_blocks`. */
const BLOCK_BYTES = 512;

/** Needed: what is no hole, once for all names of a file. */
async function lookAt(
  place: Buffer,
  signal: AbortSignal,
): Promise<{ readonly summary: TreeSummary; readonly neededBytes: number }> {
  const counts = { file: 0, folder: 0, link: 0, special: 0 };
  const entries: TreeEntry[] = [];
  const seen = new Set<string>();
  let sizeBytes = 0;
  let neededBytes = 0;
  for await (const found of walkTree(place, signal)) {
    const bytes = found.kind === 'file' ? found.stats.size : 0;
    counts[found.kind] += 1;
    sizeBytes += bytes;
    if (isFirstName(found, seen)) neededBytes += Math.min(bytes, found.stats.blocks * BLOCK_BYTES);
    if (entries.length < MAX_ENTRIES) entries.push(entryOf(found, bytes));
  }
  const { file: files, folder: folders, link: links, special: specials } = counts;
  return { summary: { files, folders, links, specials, sizeBytes, entries }, neededBytes };
}

function isFirstName({ stats: { dev, ino, nlink } }: Found, seen: Set<string>): boolean {
  if (nlink < 2) return true;
  const id = `${dev}:${ino}`;
  if (seen.has(id)) return false;
  seen.add(id);
  return true;
}

const entryOf = ({ below, kind }: Found, sizeBytes: number): TreeEntry => ({
  path: below.toString('utf8'),
  kind,
  sizeBytes,
});

const refused = (why: string, hint: string, cause?: unknown) =>
  new SnaphookError('E_RESTORE', `no files can be restored: ${why}`, { hint, cause });
