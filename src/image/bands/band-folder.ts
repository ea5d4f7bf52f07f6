import { lstat, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../../platform/ensure-folder.ts';
import { insideOf } from '../../platform/inside-of.ts';
import { syncFolder } from '../../platform/sync-folder.ts';
import { systemErrorCode } from '../../platform/system-error.ts';
import type { BandOwner } from '../../ports/bands.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { openRegular } from '../file-io.ts';
import { type BandIndex, isSameOwner, ownerText, parseIndex, parseOwner } from './band-index.ts';
import { bandAt, CHANGED_NAME, INDEX_NAME, isShardName, OWNER_NAME, STAGING_NAME } from './band-layout.ts';

/** What a path of a hand-over directory is to an owner of bands. */
export type FolderStanding =
  | { readonly is: 'missing' }
  /** Without a mark, and with nothing in it that could be anybody's. */
  | { readonly is: 'empty' }
  | { readonly is: 'own' }
  | { readonly is: 'foreign'; readonly why: string };

export async function standingOf(directory: string, relative: string, owner: BandOwner): Promise<FolderStanding> {
  const folder = insideOf(directory, relative);
  if (await leadsThroughLink(folder, path.resolve(directory)))
    return { is: 'foreign', why: 'it is reached through a link' };
  const stats = await lstat(folder).catch(() => undefined);
  if (!stats) return { is: 'missing' };
  if (!stats.isDirectory()) return { is: 'foreign', why: 'it is no folder' };
  const text = await textOf(path.join(folder, OWNER_NAME));
  if (text === undefined) {
    const others = (await readdir(folder)).filter((name) => name !== draftOf(OWNER_NAME));
    return others.length === 0 ? { is: 'empty' } : { is: 'foreign', why: 'no mark says whose it is' };
  }
  const mark = parseOwner(text);
  if (!mark) return { is: 'foreign', why: `its "${OWNER_NAME}" cannot be read as a mark` };
  return isSameOwner(mark, owner)
    ? { is: 'own' }
    : { is: 'foreign', why: `its mark names job "${mark.job}" of installation "${mark.installation}"` };
}

async function leadsThroughLink(folder: string, root: string): Promise<boolean> {
  for (let current = folder; current !== root; current = path.dirname(current)) {
    const stats = await lstat(current).catch(() => undefined);
    if (stats?.isSymbolicLink()) return true;
  }
  return false;
}

/** Makes the folder with its mark, unless it is there and the owner's. */
export async function claimFolder(directory: string, relative: string, owner: BandOwner): Promise<string> {
  const folder = insideOf(directory, relative);
  const standing = await standingOf(directory, relative, owner);
  if (standing.is === 'foreign') throw foreignFolder(folder, standing.why);
  if (standing.is === 'own') return folder;
  await ensureFolder(folder);
  await writeWhole(folder, OWNER_NAME, ownerText(owner));
  await syncFolder(path.dirname(folder));
  return folder;
}

export const foreignFolder = (folder: string, why: string): SnaphookError =>
  new SnaphookError('E_EXPORT', `"${folder}" is not this job's folder of bands: ${why}`, {
    hint: 'Give each job a hand-over directory of its own, or move the folder away. A job or installation that was renamed makes its bands anew.',
  });

/** What lies in a folder of bands, or in its staging folder. */
export interface FolderContent {
  readonly bands: ReadonlySet<number>;
  /** The folders they are in, empty ones included. */
  readonly shards: readonly string[];
  /** Everything else, relative to the folder. */
  readonly foreign: readonly string[];
}

const OWN_FILES: ReadonlySet<string> = new Set([
  INDEX_NAME,
  CHANGED_NAME,
  ...[INDEX_NAME, CHANGED_NAME, OWNER_NAME].map(draftOf),
  OWNER_NAME,
]);

/** Nothing where there is no such folder. */
export async function contentOf(folder: string): Promise<FolderContent> {
  const bands = new Set<number>();
  const shards: string[] = [];
  const foreign: string[] = [];
  for (const entry of await entriesOf(folder)) {
    const { name } = entry;
    if ((entry.isFile() && OWN_FILES.has(name)) || (entry.isDirectory() && name === STAGING_NAME)) continue;
    if (!entry.isDirectory() || !isShardName(name)) {
      foreign.push(name);
      continue;
    }
    shards.push(name);
    for (const file of await entriesOf(path.join(folder, name))) {
      const relative = `${name}/${file.name}`;
      const band = bandAt(relative);
      if (file.isFile() && band !== undefined) bands.add(band);
      else foreign.push(relative);
    }
  }
  return { bands, shards, foreign };
}

/** Fails where something else lies under a name that snaphook needs in the folder. */
export function requireRoom(folder: string, { foreign }: FolderContent): void {
  const [first] = foreign.filter(
    (name) => OWN_FILES.has(name) || name === STAGING_NAME || isShardName(name) || bandAt(name) !== undefined,
  );
  if (first === undefined) return;
  throw new SnaphookError('E_EXPORT', `"${path.join(folder, first)}" is neither a band nor made by snaphook`, {
    hint: 'Move it away: a file of snaphook belongs in its place.',
  });
}

/** The folder of what is staged; undefined where there is none. */
export async function stagingOf(folder: string): Promise<string | undefined> {
  const staging = path.join(folder, STAGING_NAME);
  const stats = await lstat(staging).catch(() => undefined);
  return stats?.isDirectory() ? staging : undefined;
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined where there is none, or none that can be read as one: then every band is looked at. */
export async function indexOf(folder: string): Promise<BandIndex | undefined> {
  const text = await textOf(path.join(folder, INDEX_NAME));
  return text === undefined ? undefined : parseIndex(text);
}

/** Undefined where there is no such file; what is no regular file has no text. */
export async function textOf(file: string): Promise<string | undefined> {
  try {
    const opened = await openRegular(file);
    return opened === undefined ? '' : await opened.handle.readFile('utf8').finally(() => opened.handle.close());
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A small file, there whole or not at all, also after a power cut. */
export async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  const draft = path.join(folder, draftOf(name));
  // What lies under the name of a draft is of a process that died; a link there is not followed.
  await rm(draft, { force: true });
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path.join(folder, name));
  await syncFolder(folder);
}

export function draftOf(name: string): string {
  return `${name}.partial`;
}

/** Removes a folder that is empty; one that is not stays. */
export async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: unknown) => {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemErrorCode(error))) throw error;
  });
}
