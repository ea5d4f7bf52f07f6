import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import path from 'node:path';

/** What a product is expected to bring back of a file. */
export interface Details {
  readonly kind: 'file' | 'folder' | 'link' | 'pipe' | 'other';
  readonly mode: string;
  readonly owner: string;
  /** Of folders none: what is restored into them changes it. */
  readonly mtimeMs?: number;
  /** Of files: SHA-256. Of links: where they lead to. */
  readonly content?: string;
  /** Of files with several names: the first of them. */
  readonly sameAs?: string;
  readonly sparse?: true;
  readonly attributes?: readonly string[];
}

/** Everything below the folder, by path. */
export function detailsOf(folder: string): Readonly<Record<string, Details>> {
  const firstNames = new Map<string, string>();
  return Object.fromEntries(
    namesBelow(folder).map((name) => {
      const stats = lstatSync(path.join(folder, name));
      const inode = `${stats.dev}:${stats.ino}`;
      const first = stats.isFile() && stats.nlink > 1 ? (firstNames.get(inode) ?? name) : undefined;
      if (first !== undefined) firstNames.set(inode, first);
      return [name, { ...details(path.join(folder, name), stats), ...(first && { sameAs: first }) }];
    }),
  );
}

/** In an order that does not depend on the file system; links to folders are not followed. */
function namesBelow(folder: string, prefix = ''): readonly string[] {
  const entries = readdirSync(path.join(folder, prefix), { withFileTypes: true }).filter(
    ({ name }) => name !== 'lost+found',
  );
  return entries
    .flatMap((entry) => {
      const name = path.join(prefix, entry.name);
      return entry.isDirectory() ? [name, ...namesBelow(folder, name)] : [name];
    })
    .sort();
}

function details(file: string, stats: Stats): Details {
  const common = {
    mode: (stats.mode & 0o7777).toString(8),
    owner: `${stats.uid}:${stats.gid}`,
    // Products keep whole seconds at least.
    mtimeMs: Math.floor(stats.mtimeMs / 1000) * 1000,
  };
  if (stats.isDirectory()) return { kind: 'folder', mode: common.mode, owner: common.owner };
  if (stats.isSymbolicLink()) return { kind: 'link', ...common, content: readlinkSync(file) };
  if (stats.isFIFO()) return { kind: 'pipe', ...common };
  if (!stats.isFile()) return { kind: 'other', ...common };
  const attributes = attributesOf(file);
  return {
    kind: 'file',
    ...common,
    content: createHash('sha256').update(readFileSync(file)).digest('hex'),
    ...(stats.blocks * 512 < stats.size / 2 && { sparse: true }),
    ...(attributes.length > 0 && { attributes }),
  };
}

function attributesOf(file: string): readonly string[] {
  const text = execFileSync('getfattr', ['--dump', '--absolute-names', '--match=^user', file], { encoding: 'utf8' });
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** For products that restore files as long as they were, but fill their holes. */
export const withoutHoles = (all: Readonly<Record<string, Details>>): Readonly<Record<string, Details>> =>
  Object.fromEntries(Object.entries(all).map(([name, { sparse, ...others }]) => [name, others]));
