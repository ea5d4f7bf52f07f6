import { createHash } from 'node:crypto';
import {
  type FileHandle,
  lstat,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../platform/ensure-folder.ts';
import { systemErrorCode } from '../platform/system-error.ts';
import { unlessAborted } from '../platform/unless-aborted.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { ExportRecord, ImageFile, ImageRequest, Images, LeftAlone } from '../ports/images.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
const HOLE_BYTES = 64 * 1024;
const SAFETY_BYTES = 64 * 1024 * 1024;
/** Far above any manifest. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

const files: Images = {
  async preflight(directory, paths, bytesNeeded) {
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
    const probe = path.join(directory, `.snaphook-${process.pid}.probe`);
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

  async write(directory, request, progress, signal) {
    const final = insideOf(directory, request.path);
    const partial = `${final}.partial`;
    try {
      await ensureFolder(path.dirname(final));
      const written = await copySparse(request, partial, progress, signal);
      signal.throwIfAborted();
      await rename(partial, final);
      return { path: request.path, sizeBytes: request.sizeBytes, ...written };
    } catch (error) {
      // A partial file that was there before is another run's.
      if (systemErrorCode(error) !== 'EEXIST') await rm(partial, { force: true });
      throw exportError(error, final);
    }
  },

  async writeRecord(directory, { name, draft, text }, signal) {
    const final = insideOf(directory, name);
    const unborn = insideOf(directory, draft);
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
 * Raw images: the device's bytes as a sparse regular file. Zeros become holes; the hash is that of the logical content.
 * A read, write or look that hangs in the kernel keeps its thread and its handle; nobody waits for it beyond the signal, and when it
 * comes back nothing gets a final name and nothing is removed any more but the partial file of this write.
 */
export const rawImages: Images = {
  preflight: (directory, paths, bytesNeeded, signal) =>
    unlessAborted(files.preflight(directory, paths, bytesNeeded, signal), signal),
  write: (directory, request, progress, signal) =>
    unlessAborted(files.write(directory, request, progress, signal), signal),
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

/** Paths are made by the core from names that came from outside: proven to stay inside before they are used. */
function insideOf(directory: string, relative: string): string {
  const root = path.resolve(directory);
  const file = path.resolve(root, relative);
  if (!file.startsWith(root + path.sep))
    throw new TypeError(`path leaves the hand-over directory: ${JSON.stringify(relative)}`);
  return file;
}

async function copySparse(
  { devicePath, sizeBytes }: ImageRequest,
  partial: string,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<Pick<ImageFile, 'dataBytes' | 'blake2b'>> {
  const source = await open(devicePath, 'r');
  try {
    const image = await open(partial, 'wx', 0o600);
    try {
      await image.truncate(sizeBytes);
      const hash = createHash('blake2b512');
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      let dataBytes = 0;
      for (let offset = 0; offset < sizeBytes; ) {
        signal.throwIfAborted();
        const length = await readFull(source, buffer.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - offset)), offset);
        if (length === 0) throw new Error(`device "${devicePath}" ends at byte ${offset}, before ${sizeBytes}`);
        const chunk = buffer.subarray(0, length);
        hash.update(chunk);
        dataBytes += await writeData(image, chunk, offset);
        offset += length;
        progress(offset);
      }
      await image.sync();
      return { dataBytes, blake2b: hash.digest('hex') };
    } finally {
      await image.close();
    }
  } finally {
    await source.close();
  }
}

async function readFull(source: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await source.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

const ZEROS = Buffer.alloc(HOLE_BYTES);

/** Writes the stretches that are not zero; returns their bytes. */
async function writeData(image: FileHandle, chunk: Buffer, position: number): Promise<number> {
  let written = 0;
  let start = -1;
  for (let at = 0; at <= chunk.length; at += HOLE_BYTES) {
    const piece = chunk.subarray(at, at + HOLE_BYTES);
    const isData =
      piece.length > 0 && !piece.equals(piece.length === HOLE_BYTES ? ZEROS : ZEROS.subarray(0, piece.length));
    if (isData && start < 0) start = at;
    if (!isData && start >= 0) {
      const stretch = chunk.subarray(start, Math.min(at, chunk.length));
      await writeFull(image, stretch, position + start);
      written += stretch.length;
      start = -1;
    }
  }
  if (start >= 0) {
    const stretch = chunk.subarray(start);
    await writeFull(image, stretch, position + start);
    written += stretch.length;
  }
  return written;
}

async function writeFull(image: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await image.write(data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}

async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let current = folder; current.startsWith(root + path.sep); current = path.dirname(current)) {
    if ((await readdir(current).catch(() => [''])).length > 0) return;
    await rmdir(current).catch(() => undefined);
  }
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

const unwritable = (directory: string, cause: unknown) =>
  new SnaphookError('E_EXPORT', `hand-over directory "${directory}" cannot be written (${systemErrorCode(cause)})`, {
    cause,
    hint: 'Create it, or give the account that runs the hook the right to write there.',
  });

const unreadable = (directory: string, cause: unknown) =>
  new SnaphookError('E_EXPORT', `hand-over directory "${directory}" cannot be read (${systemErrorCode(cause)})`, {
    cause,
    hint: 'Give the account that runs snaphook the right to read it.',
  });

function exportError(error: unknown, file: string): unknown {
  if (error instanceof SnaphookError || error instanceof TypeError) return error;
  const code = systemErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SnaphookError('E_PROXY_SPACE', `no space left while writing "${file}"`, {
      cause: error,
      hint: 'Free space in the hand-over directory, or give the job one on a larger file system.',
    });
  }
  if (code === 'EEXIST') {
    return new SnaphookError('E_EXPORT', `"${file}.partial" is being written by another run`, {
      cause: error,
      hint: 'Give each job a hand-over directory of its own.',
    });
  }
  const why = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : code;
  return new SnaphookError('E_EXPORT', `"${file}" cannot be written: ${why}`, {
    cause: error,
    hint: 'Check the hand-over directory and the target device on this machine.',
  });
}
