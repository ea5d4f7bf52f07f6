import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { TreeEntry } from '../../ports/file-trees.ts';

/** Names are bytes: a file system does not ask whether they are text. */
export interface Found {
  readonly file: Buffer;
  /** Below the place where the walk began; empty: that itself. */
  readonly below: Buffer;
  readonly kind: TreeEntry['kind'];
  readonly stats: Stats;
}

const SLASH = Buffer.from('/');

export const joined = (folder: Buffer, name: Buffer): Buffer =>
  folder.length === 0 ? name : Buffer.concat([folder, SLASH, name]);

/** Everything from the place down, a folder before what is in it, in the order of the names. Links are not followed. */
export async function* walkTree(place: Buffer, signal: AbortSignal): AsyncGenerator<Found, void, undefined> {
  const waiting: Buffer[] = [Buffer.alloc(0)];
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    signal.throwIfAborted();
    const file = below.length === 0 ? place : joined(place, below);
    const stats = await lstat(file);
    const kind = kindOf(stats);
    yield { file, below, kind, stats };
    if (kind !== 'folder') continue;
    const names = (await readdir(file, { encoding: 'buffer' })).sort(Buffer.compare).reverse();
    for (const name of names) waiting.push(joined(below, name));
  }
}

const SHOWN_CHARACTERS = 200;

/** `E_VERIFY` where a walk of the folder met a path that is longer than the system takes; undefined: it ended for another reason. */
export function pathTooLong(folder: string, cause: unknown): SnaphookError | undefined {
  if (systemErrorCode(cause) !== 'ENAMETOOLONG') return undefined;
  const place =
    typeof cause === 'object' && cause !== null && 'path' in cause ? String(cause.path).slice(folder.length + 1) : '';
  return new SnaphookError(
    'E_VERIFY',
    `in "${folder}" folders are nested too deep for this machine: "${place.slice(0, SHOWN_CHARACTERS)}" and on`,
    {
      cause,
      hint: 'Any user of the guest can nest folders so. Shorten or remove them there; without `verify.fileHashes` nothing looks into them.',
    },
  );
}

function kindOf(stats: Stats): TreeEntry['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'special';
}
