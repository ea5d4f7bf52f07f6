import { createHash } from 'node:crypto';
import { open, readlink, rename, rm } from 'node:fs/promises';
import { insideOf } from '../../platform/inside-of.ts';
import { syncFolder } from '../../platform/sync-folder.ts';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { FilesIndex } from '../../ports/files-index.ts';
import { compareInTree, INDEX_HEAD, type IndexEntry, indexLine } from './files-index-line.ts';
import { hashFile } from './hash-file.ts';
import { type Found, joined, pathTooLong, walkTree } from './walk-tree.ts';

const PIECE_CHARACTERS = 1024 * 1024;

/** Reads every file of the volumes below `root` to its end. The index is there whole, or not at all. */
export async function writeFilesIndex(
  root: string,
  { path: relative, volumes }: { readonly path: string; readonly volumes: readonly string[] },
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<FilesIndex> {
  const final = insideOf(root, relative);
  const draft = `${final}.partial`;
  const handle = await open(draft, 'wx', 0o600).catch((cause: unknown) => {
    throw unwritten(final, cause);
  });
  try {
    const hash = createHash('blake2b512');
    const counts = { sizeBytes: 0, entries: 0 };
    const write = async (text: string) => {
      hash.update(text);
      counts.sizeBytes += Buffer.byteLength(text);
      await handle.writeFile(text).catch((cause: unknown) => {
        throw unwritten(final, cause);
      });
    };
    let waiting = INDEX_HEAD;
    for await (const entry of entriesOf(root, volumes, progress, signal)) {
      waiting += indexLine(entry);
      counts.entries += 1;
      if (waiting.length < PIECE_CHARACTERS) continue;
      await write(waiting);
      waiting = '';
    }
    await write(waiting);
    await handle.sync();
    signal.throwIfAborted();
    await rename(draft, final);
    await syncFolder(root);
    return { path: relative, ...counts, blake2b: hash.digest('hex') };
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

async function* entriesOf(
  root: string,
  volumes: readonly string[],
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<IndexEntry, void, undefined> {
  let doneBytes = 0;
  for (const volume of volumes.map((name) => Buffer.from(name)).sort(compareInTree)) {
    const folder = insideOf(root, volume.toString());
    try {
      for await (const found of walkTree(Buffer.from(folder), signal)) {
        const { kind, stats, below } = found;
        if (kind === 'special') continue;
        const content = await contentOf(found, (bytes) => progress(doneBytes + bytes), signal);
        const sizeBytes = kind === 'file' ? stats.size : 0;
        doneBytes += sizeBytes;
        const path = below.length === 0 ? volume : joined(volume, below);
        yield { kind, path, sizeBytes, changedAtMs: Math.trunc(stats.mtimeMs), content };
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw cause instanceof SnaphookError ? cause : (pathTooLong(folder, cause) ?? unread(folder, cause));
    }
  }
}

async function contentOf(
  { file, kind, stats }: Found,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<string | Buffer> {
  try {
    if (kind === 'link') return await readlink(file, { encoding: 'buffer' });
    if (kind !== 'file') return '';
    const { blake2b, bytes } = await hashFile(file, progress, signal);
    if (bytes !== stats.size) throw new Error(`it has ${stats.size} bytes, and ${bytes} could be read`);
    return blake2b;
  } catch (cause) {
    signal.throwIfAborted();
    throw unread(file.toString(), cause);
  }
}

const unread = (file: string, cause: unknown): SnaphookError =>
  new SnaphookError(
    'E_VERIFY',
    `"${file}" cannot be read to its end: ${cause instanceof Error ? cause.message : cause}`,
    {
      cause,
      hint: 'The file system of the guest may be damaged, or the file be encrypted (EFS). Without `verify.fileHashes` it is not read.',
    },
  );

const unwritten = (file: string, cause: unknown): SnaphookError => {
  const code = systemErrorCode(cause);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new SnaphookError(isFull ? 'E_PROXY_SPACE' : 'E_EXPORT', `index "${file}" cannot be written (${code})`, {
    cause,
    hint: 'It takes about 200 bytes for each file. Check the hand-over directory.',
  });
};
