import { createReadStream } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import { insideOf } from '../../platform/inside-of.ts';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { compareInTree, INDEX_HEAD, type IndexEntry, parseIndexLine } from './files-index-line.ts';
import { hashFile } from './hash-file.ts';
import { type Found, joined, walkTree } from './walk-tree.ts';

export interface TreeDifference {
  readonly kind: 'missing' | 'changed' | 'extra';
  /** From the root, for people: names that are no UTF-8 are not whole. */
  readonly path: string;
  /** Of what is changed. */
  readonly why?: string;
}

/**
 * Compares what lies below `root` with an index, and tells of every difference as it is met. Both are read once, in one order, so that
 * nothing is in memory but the names of a folder and of those above it. No link is followed. What is beside the volumes, and devices, sockets and pipes, are no matter.
 * Errors: `E_VERIFY` for an index that is none, or a link on the way to a volume.
 */
export async function compareFilesIndex(
  root: string,
  { file, volumes }: { readonly file: string; readonly volumes: readonly string[] },
  onDifference: (difference: TreeDifference) => void,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<{ readonly entries: number }> {
  const own = volumes.map((name) => Buffer.from(name)).sort(compareInTree);
  const lying = treesBelow(root, own, signal);
  let found = await next(lying);
  let entries = 0;
  let doneBytes = 0;
  for await (const entry of indexIn(file, own)) {
    signal.throwIfAborted();
    entries += 1;
    while (found && compareInTree(found.place, entry.path) < 0) {
      onDifference({ kind: 'extra', path: found.place.toString() });
      found = await next(lying);
    }
    if (!found || compareInTree(found.place, entry.path) > 0) {
      onDifference({ kind: 'missing', path: entry.path.toString() });
      continue;
    }
    const why = await whyChanged(entry, found, (bytes) => progress(doneBytes + bytes), signal);
    if (why !== undefined) onDifference({ kind: 'changed', path: entry.path.toString(), why });
    doneBytes += entry.sizeBytes;
    found = await next(lying);
  }
  for (; found; found = await next(lying)) onDifference({ kind: 'extra', path: found.place.toString() });
  return { entries };
}

interface Lying extends Found {
  /** From the root. */
  readonly place: Buffer;
}

const next = async (lying: AsyncGenerator<Lying, void>): Promise<Lying | undefined> =>
  (await lying.next()).value ?? undefined;

async function* treesBelow(
  root: string,
  volumes: readonly Buffer[],
  signal: AbortSignal,
): AsyncGenerator<Lying, void, undefined> {
  for (const volume of volumes) {
    const folder = insideOf(root, volume.toString());
    if (!(await isThere(root, folder))) continue;
    try {
      for await (const found of walkTree(Buffer.from(folder), signal)) {
        if (found.kind === 'special') continue;
        yield { ...found, place: found.below.length === 0 ? volume : joined(volume, found.below) };
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw new SnaphookError('E_VERIFY', `"${folder}" cannot be read to its end (${systemErrorCode(cause)})`, {
        cause,
        hint: 'Run it as a user who may read all that was restored, while nobody changes it.',
      });
    }
  }
}

/** Nothing on the way from the root may be a link: it could lead to other files of this machine. */
async function isThere(root: string, folder: string): Promise<boolean> {
  let current = root;
  for (const name of path.relative(root, folder).split(path.sep)) {
    current = path.join(current, name);
    const stats = await lstat(current).catch(() => undefined);
    if (!stats) return false;
    if (stats.isSymbolicLink()) {
      throw new SnaphookError('E_VERIFY', `"${current}" is a link, and links are not followed`, {
        hint: 'Restore the files to folders of their own, or name the folder that it leads to with `--root`.',
      });
    }
  }
  return true;
}

async function* indexIn(file: string, volumes: readonly Buffer[]): AsyncGenerator<IndexEntry, void, undefined> {
  let number = 0;
  let before: Buffer = Buffer.alloc(0);
  for await (const line of linesOf(file)) {
    number += 1;
    if (number === 1) {
      if (`${line}\n` !== INDEX_HEAD) throw notOne(file, number);
      continue;
    }
    const entry = parseIndexLine(line);
    const isInVolume = entry && volumes.some((volume) => isBelow(entry.path, volume));
    if (!isInVolume || compareInTree(before, entry.path) >= 0) throw notOne(file, number);
    before = entry.path;
    yield entry;
  }
  if (number === 0) throw notOne(file, 1);
}

/** What a name, the path to it and the place where a link leads can have at most, each byte escaped, and more. */
const MOST_CHARACTERS = 64 * 1024;

/** Whole lines alone, and none longer than one of ours can be: who wrote the file is not known. */
async function* linesOf(file: string): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const piece of createReadStream(file, 'latin1')) {
    const lines = `${rest}${piece}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MOST_CHARACTERS) break;
  }
  if (rest !== '') yield rest.slice(0, MOST_CHARACTERS);
}

const isBelow = (place: Buffer, volume: Buffer): boolean =>
  place.equals(volume) || place.subarray(0, volume.length + 1).equals(Buffer.concat([volume, Buffer.from('/')]));

const notOne = (file: string, line: number): SnaphookError =>
  new SnaphookError('E_VERIFY', `"${file}" is no index of files of this manifest: line ${line} cannot be one of it`, {
    hint: 'It was changed or damaged since, or belongs to another manifest.',
  });

/** Undefined: it is as it was. */
async function whyChanged(
  entry: IndexEntry,
  { kind, file, stats }: Found,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (kind !== entry.kind) return `it is a ${kind}, and was a ${entry.kind}`;
  try {
    if (kind === 'link') {
      const target = await readlink(file, { encoding: 'buffer' });
      return target.equals(Buffer.from(entry.content)) ? undefined : 'it leads elsewhere';
    }
    if (kind !== 'file') return undefined;
    if (stats.size !== entry.sizeBytes) return `it has ${stats.size} bytes, and had ${entry.sizeBytes}`;
    const { blake2b } = await hashFile(file, progress, signal);
    return blake2b === entry.content ? undefined : 'its content is another';
  } catch (error) {
    signal.throwIfAborted();
    return `it cannot be read (${systemErrorCode(error)})`;
  }
}
