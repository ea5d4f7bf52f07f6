import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
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

function kindOf(stats: Stats): TreeEntry['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'special';
}
