import { createHash } from 'node:crypto';
import { type FileHandle, lstat, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { BandRun } from '../../ports/bands.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { exportError } from '../export-error.ts';
import { draftOf, indexOf } from './band-folder.ts';
import type { BandIndex } from './band-index.ts';
import { bandCount, bandLength, bandPath, INDEX_NAME } from './band-layout.ts';

/** One stretch of a disk. */
export interface BandContent {
  readonly offset: number;
  readonly content: Buffer;
  /** It is zeros, and no file has it. */
  readonly isZero: boolean;
}

/**
 * The disk that a folder of bands holds, from its first band to its last; buffers are used again. Each band is compared with the hash in
 * the index. Errors: `E_VERIFY`.
 */
export async function* bandContents(folder: string, index: BandIndex): AsyncGenerator<BandContent> {
  const zeros = Buffer.alloc(index.bandBytes);
  for (let band = 0; band < bandCount(index); band += 1) {
    const length = bandLength(index, band);
    const offset = band * index.bandBytes;
    const entry = index.bands.get(band);
    if (!entry) {
      yield { offset, content: zeros.subarray(0, length), isZero: true };
      continue;
    }
    const file = path.join(folder, bandPath(band));
    const content = await readFile(file).catch((cause: unknown) => {
      throw damaged(file, 'cannot be read', cause);
    });
    if (content.length !== length) throw damaged(file, `has ${content.length} bytes in place of ${length}`);
    if (createHash('blake2b512').update(content).digest('hex') !== entry.blake2b)
      throw damaged(file, 'is not the band that was written');
    yield { offset, content, isZero: false };
  }
}

/** Reads what a folder of bands says of itself. Errors: `E_VERIFY` where it holds no whole disk. */
export async function requireIndex(folder: string): Promise<BandIndex> {
  const index = await indexOf(folder);
  if (index) return index;
  throw new SnaphookError(
    'E_VERIFY',
    `"${folder}" has no readable "${INDEX_NAME}": its bands may be of several snapshots`,
    {
      hint: 'Restore the folder as a whole. In a hand-over directory the next hook of the job finishes what was begun.',
    },
  );
}

export interface AssembledImage {
  readonly run: BandRun;
  readonly sizeBytes: number;
  /** BLAKE2b-512 of the content in hex, as the manifest has it. */
  readonly blake2b: string;
}

/**
 * Makes one sparse raw image of a folder of bands. Every band and the whole are compared with their hashes; an image that is there is not
 * overwritten, and one that failed is removed. Errors: `E_VERIFY`, `E_EXPORT`, `E_PROXY_SPACE`, and the signal's reason.
 */
export async function assembleBands(
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
  const handle = await open(partial, 'wx', 0o600).catch((error: unknown) => {
    throw exportError(error, image);
  });
  try {
    await writeImage(handle, folder, index, progress, signal);
    await rename(partial, image);
  } catch (error) {
    await rm(partial, { force: true });
    throw signal.aborted ? error : exportError(error, image);
  } finally {
    await handle.close();
  }
  return { run: index.run, sizeBytes: index.sizeBytes, blake2b: index.blake2b };
}

async function writeImage(
  image: FileHandle,
  folder: string,
  index: BandIndex,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const whole = createHash('blake2b512');
  await image.truncate(index.sizeBytes);
  for await (const { offset, content, isZero } of bandContents(folder, index)) {
    signal.throwIfAborted();
    whole.update(content);
    for (let done = 0; !isZero && done < content.length; ) {
      done += (await image.write(content, done, content.length - done, offset + done)).bytesWritten;
    }
    progress(offset + content.length);
  }
  if (whole.digest('hex') !== index.blake2b) throw damaged(folder, 'as a whole is not the disk that was written');
  await image.sync();
}

const damaged = (file: string, what: string, cause?: unknown): SnaphookError =>
  new SnaphookError('E_VERIFY', `"${file}" ${what}`, {
    cause,
    hint: 'The bands are not as they were written. Restore them from another backup.',
  });
