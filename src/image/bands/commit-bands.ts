import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../../platform/ensure-folder.ts';
import { insideOf } from '../../platform/inside-of.ts';
import { syncFolder } from '../../platform/sync-folder.ts';
import { systemErrorCode } from '../../platform/system-error.ts';
import type { BandOwner } from '../../ports/bands.ts';
import { SnaphookError } from '../../ports/errors.ts';
import {
  contentOf,
  draftOf,
  foreignFolder,
  indexOf,
  removeIfEmpty,
  stagingOf,
  standingOf,
  textOf,
  writeWhole,
} from './band-folder.ts';
import { type BandCommit, commitText, isSameOwner, parseCommit } from './band-index.ts';
import { bandPath, CHANGED_NAME, COMMIT_NAME, INDEX_NAME, STAGING_NAME } from './band-layout.ts';

/**
 * Puts what is staged in all folders into its place. From the record on, which is written by one rename, there is no way back: every later
 * `finishCommit` goes on with it.
 */
export async function commitStaged(directory: string, commit: BandCommit): Promise<void> {
  for (const relative of commit.folders) {
    const staged = await indexOf(path.join(insideOf(directory, relative), STAGING_NAME));
    if (staged?.run.id !== commit.run.id)
      throw new SnaphookError('E_EXPORT', `"${relative}" has no staged bands of run "${commit.run.id}" any more`);
  }
  await writeWhole(directory, COMMIT_NAME, commitText(commit));
  await finishFolders(directory, commit);
}

/** Finishes a commit that has begun. Answers why not, where there is one that is not the owner's; undefined: there is none any more. */
export async function finishCommit(directory: string, owner: BandOwner): Promise<string | undefined> {
  const text = await textOf(path.join(directory, COMMIT_NAME));
  if (text !== undefined) {
    const commit = parseCommit(text);
    if (!commit) return 'it cannot be read';
    if (!isSameOwner(commit.owner, owner))
      return `it is of job "${commit.owner.job}" of installation "${commit.owner.installation}"`;
    await finishFolders(directory, commit);
  }
  await rm(path.join(directory, draftOf(COMMIT_NAME)), { force: true });
  return undefined;
}

async function finishFolders(directory: string, { owner, folders }: BandCommit): Promise<void> {
  for (const relative of folders) {
    const standing = await standingOf(directory, relative, owner);
    const folder = insideOf(directory, relative);
    if (standing.is === 'foreign') throw foreignFolder(folder, standing.why);
    // Somebody took the folder away since.
    if (standing.is === 'own') await finishFolder(folder);
  }
  await rm(path.join(directory, COMMIT_NAME), { force: true });
  await syncFolder(directory);
}

/** Every change may be the last one of this process: whoever comes next does what is left of them. */
async function finishFolder(folder: string): Promise<void> {
  const staging = await stagingOf(folder);
  const index = staging && (await indexOf(staging));
  // Its index has its place: so has everything else.
  if (!staging || !index) return discardStaged(folder);
  await rm(path.join(folder, INDEX_NAME), { force: true });
  await syncFolder(folder);
  for (const shard of (await contentOf(staging)).shards) await ensureFolder(path.join(folder, shard));
  for (const band of (await contentOf(staging)).bands) {
    await rename(path.join(staging, bandPath(band)), path.join(folder, bandPath(band)));
  }
  const { bands, shards } = await contentOf(folder);
  for (const band of bands) if (!index.bands.has(band)) await rm(path.join(folder, bandPath(band)));
  for (const shard of shards) {
    await syncFolder(path.join(folder, shard));
    await removeIfEmpty(path.join(folder, shard));
  }
  for (const name of [CHANGED_NAME, INDEX_NAME]) {
    await syncFolder(folder);
    await renameIfThere(path.join(staging, name), path.join(folder, name));
  }
  await syncFolder(folder);
  await discardStaged(folder);
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  });
}

/** Removes what is staged, and nothing else that may lie there. */
export async function discardStaged(folder: string): Promise<void> {
  const staging = await stagingOf(folder);
  if (!staging) return;
  // First of all: from now on nobody takes the rest for a whole state.
  for (const name of [INDEX_NAME, CHANGED_NAME].flatMap((one) => [one, draftOf(one)])) {
    await rm(path.join(staging, name), { force: true });
  }
  const { bands, shards } = await contentOf(staging);
  for (const band of bands) await rm(path.join(staging, bandPath(band)), { force: true });
  for (const shard of shards) await removeIfEmpty(path.join(staging, shard));
  await removeIfEmpty(staging);
}
