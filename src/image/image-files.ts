import { lstat, open, readdir, readFile, realpath, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../platform/ensure-folder.ts';
import { insideOf } from '../platform/inside-of.ts';
import { removeEmptyFolders } from '../platform/remove-empty-folders.ts';
import { systemErrorCode } from '../platform/system-error.ts';
import { unlessAborted } from '../platform/unless-aborted.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { ExportRecord, FileFormat, Images, LeftAlone } from '../ports/images.ts';
import { exportError, unreadable, unwritable } from './export-error.ts';
import { flatVmdkSink } from './flat-vmdk.ts';
import { qcow2Sink } from './qcow2.ts';
import { rawSink } from './raw-image.ts';
import { streamVmdkSink } from './stream-vmdk.ts';
import { syncHandOver } from './sync-hand-over.ts';
import { writeBeside } from './write-beside.ts';
import { imageWriter } from './write-image.ts';

const SAFETY_BYTES = 64 * 1024 * 1024;
/** Of 20,000 VMs: far above any job. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024;

const WRITERS: Readonly<Record<FileFormat, Images['write']>> = {
  raw: imageWriter(rawSink),
  'vmdk-flat': imageWriter(flatVmdkSink),
  'vmdk-stream': imageWriter(streamVmdkSink),
  qcow2: imageWriter(qcow2Sink),
};

const files: Images = {
  async preflight(directory, { paths, draft, bytesNeeded }) {
    await ensureFolder(directory).catch((cause: unknown) => {
      throw unwritable(directory, cause);
    });
    for (const relative of paths) {
      const file = insideOf(directory, relative);
      if ((await exists(file)) || (await exists(`${file}.partial`))) {
        throw new SnaphookError(
          'E_EXPORT',
          `"${path.join(directory, relative)}" exists already and belongs to no open run`,
          {
            hint: '`snaphook reap` tells whose it is. Each job needs a hand-over directory of its own; move the file away if nobody needs it.',
          },
        );
      }
    }
    const probe = insideOf(directory, draft);
    try {
      await writeFile(probe, '');
    } catch (cause) {
      throw unwritable(directory, cause);
    } finally {
      // Also what was written although the write failed; where nothing can be written, removing it may fail too.
      await rm(probe, { force: true }).catch(() => undefined);
    }
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < bytesNeeded + SAFETY_BYTES) {
      throw new SnaphookError(
        'E_PROXY_SPACE',
        `"${directory}" has ${bavail * bsize} bytes free, the images may take ${bytesNeeded}`,
        {
          hint: 'Free space there, or give the job an exportDirectory on a larger file system.',
        },
      );
    }
  },

  write(directory, request, progress, signal) {
    return WRITERS[request.format](directory, request, progress, signal);
  },

  writeBeside,

  async writeRecord(directory, { name, draft, text }, signal) {
    const final = insideOf(directory, name);
    const unborn = insideOf(directory, draft);
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_RECORD_BYTES) {
      throw new SnaphookError(
        'E_EXPORT',
        `"${final}" would have ${bytes} bytes, of which ${MAX_RECORD_BYTES} can be read again`,
        { hint: 'Divide the VMs among several jobs.' },
      );
    }
    try {
      const handle = await open(unborn, 'wx');
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      signal.throwIfAborted();
      await rename(unborn, final);
      await syncHandOver(directory);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') await rm(unborn, { force: true });
      throw exportError(error, final);
    }
  },

  async records(directory, namePrefix) {
    const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw unreadable(directory, error);
    });
    const named = entries.filter((entry) => entry.isFile() && entry.name.startsWith(namePrefix));
    const records = await Promise.all(named.map(({ name }) => readRecord(directory, name)));
    return records.filter((record) => record !== undefined).sort((a, b) => a.name.localeCompare(b.name));
  },

  async existing(directory, paths) {
    const found: string[] = [];
    for (const form of paths.flatMap((relative) => [relative, `${relative}.partial`])) {
      const stats = await lstat(insideOf(directory, form)).catch(() => undefined);
      if (stats !== undefined) found.push(form);
    }
    return found;
  },

  async remove(directory, unwanted, signal) {
    const root = await realpath(directory).catch(() => undefined);
    if (root === undefined) return [];
    const leftAlone: LeftAlone[] = [];
    for (const { path: relative, sizeBytes } of unwanted) {
      for (const form of [relative, `${relative}.partial`]) {
        signal.throwIfAborted();
        const why = await removeFile(root, form, (bytes) =>
          form === relative ? bytes === (sizeBytes ?? bytes) : bytes <= (sizeBytes ?? bytes),
        );
        if (why !== undefined) leftAlone.push({ path: form, why });
      }
      await removeEmptyFolders(path.dirname(insideOf(root, relative)), root);
    }
    return leftAlone;
  },
};

/**
 * Images as regular files of a hand-over directory, each written by the writer of its format.
 * A read, write or look that hangs in the kernel keeps its thread and its handle; nobody waits for it beyond the signal, and when it
 * comes back nothing gets a final name, and nothing is removed any more but what this call itself was making or removing.
 */
export const imageFiles: Images = {
  preflight: (directory, need, signal) => unlessAborted(files.preflight(directory, need, signal), signal),
  write: (directory, request, progress, signal) =>
    unlessAborted(files.write(directory, request, progress, signal), signal),
  writeBeside: (directory, file, signal) => unlessAborted(files.writeBeside(directory, file, signal), signal),
  writeRecord: (directory, record, signal) => unlessAborted(files.writeRecord(directory, record, signal), signal),
  records: (directory, namePrefix, signal) => unlessAborted(files.records(directory, namePrefix, signal), signal),
  existing: (directory, paths, signal) => unlessAborted(files.existing(directory, paths, signal), signal),
  remove: (directory, unwanted, signal) => unlessAborted(files.remove(directory, unwanted, signal), signal),
};

/** Undefined: it is gone meanwhile, as the draft of a write that was given up is. */
async function readRecord(directory: string, name: string): Promise<ExportRecord | undefined> {
  const file = path.join(directory, name);
  const stats = await lstat(file).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw unreadable(directory, error);
  });
  if (!stats) return undefined;
  const { size, birthtimeMs } = stats;
  const text = size > MAX_RECORD_BYTES ? undefined : await readFile(file, 'utf8').catch(() => undefined);
  return { name, text, bornAtMs: birthtimeMs > 0 ? birthtimeMs : undefined };
}

/** Undefined: it is gone, or was never there. Else why it was left alone. */
async function removeFile(
  root: string,
  relative: string,
  isExpected: (sizeBytes: number) => boolean,
): Promise<string | undefined> {
  const file = insideOf(root, relative);
  const folder = path.dirname(file);
  const realFolder = await realpath(folder).catch(() => undefined);
  if (realFolder === undefined) return undefined;
  if (realFolder !== folder) return `"${folder}" is reached through a link`;
  const stats = await lstat(file).catch(() => undefined);
  if (stats === undefined) return undefined;
  if (!stats.isFile()) return 'it is not a regular file';
  if (!isExpected(stats.size)) return `it has ${stats.size} bytes now`;
  await rm(file, { force: true });
  return undefined;
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
