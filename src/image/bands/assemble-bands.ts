import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { unlessAborted } from '../../platform/unless-aborted.ts';
import type { BandRun } from '../../ports/bands.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { ContentHash } from '../../ports/images.ts';
import { exportError } from '../export-error.ts';
import { leavesOf } from '../leaves.ts';
import { TreeHash } from '../tree-hash.ts';
import { draftOf } from './band-folder.ts';
import type { BandIndex } from './band-index.ts';
import { bandPath } from './band-layout.ts';
import { bandsContent, requireIndex } from './read-bands.ts';

export interface AssembledImage {
  readonly run: BandRun;
  readonly sizeBytes: number;
  /** As the manifest has it. */
  readonly contentHash: ContentHash;
}

/**
 * Makes one sparse raw image of a folder of bands. Every band and the whole are compared with their hashes; an image that is there is not
 * overwritten, and one that failed is removed. What hangs in the kernel is not waited for beyond the signal. Errors: `E_VERIFY`, `E_EXPORT`, `E_PROXY_SPACE`, and the signal's reason.
 */
export function assembleBands(
  folder: string,
  image: string,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<AssembledImage> {
  return unlessAborted(assemble(folder, image, progress, signal), signal);
}

async function assemble(
  folder: string,
  image: string,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<AssembledImage> {
  const index = await requireIndex(folder);
  const partial = draftOf(image);
  const isThere = await lstat(image).then(
    () => true,
    () => false,
  );
  if (isThere)
    throw new SnaphookError('E_EXPORT', `"${image}" exists already`, { hint: 'Name a file that is not there.' });
  signal.throwIfAborted();
  const handle = await open(partial, 'wx', 0o600).catch((error: unknown) => {
    throw exportError(error, image);
  });
  try {
    await writeImage(handle, folder, index, progress, signal);
    signal.throwIfAborted();
    await rename(partial, image);
  } catch (error) {
    await rm(partial, { force: true });
    throw signal.aborted ? error : exportError(error, image);
  } finally {
    await handle.close();
  }
  return { run: index.run, sizeBytes: index.sizeBytes, contentHash: index.contentHash };
}

async function writeImage(
  image: FileHandle,
  folder: string,
  index: BandIndex,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const hash = new TreeHash(index.bandBytes);
  await image.truncate(index.sizeBytes);
  const leaves = leavesOf(bandsContent(folder, index), index.bandBytes, signal, { copyTo: image });
  for await (const { content, positionBytes, blake2b } of leaves) {
    const band = positionBytes / index.bandBytes;
    const entry = index.bands.get(band);
    if (entry && entry.blake2b !== blake2b)
      throw damaged(path.join(folder, bandPath(band)), 'is not the band that was written');
    hash.add(blake2b);
    progress(positionBytes + content.length);
  }
  if (hash.end().value !== index.contentHash.value)
    throw damaged(folder, 'as a whole is not the disk that was written');
  await image.sync();
}

const damaged = (file: string, what: string): SnaphookError =>
  new SnaphookError('E_VERIFY', `"${file}" ${what}`, {
    hint: 'The bands are not as they were written. Restore them from another backup.',
  });
