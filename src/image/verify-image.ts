import { createHash } from 'node:crypto';
import { insideOf } from '../platform/inside-of.ts';
import { unlessAborted } from '../platform/unless-aborted.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { StoredImage } from '../ports/image-source.ts';
import type { WrittenFile } from '../ports/images.ts';
import { ImageFileReader } from './image-content.ts';
import { leavesOf } from './leaves.ts';
import { openImage } from './read-image.ts';
import { TreeHash } from './tree-hash.ts';

/**
 * Reads the whole content of an image below the directory and compares size and hash with those of the device it was made from.
 * A read that hangs in the kernel is not waited for beyond the signal. Errors: `E_VERIFY`, and the signal's reason.
 */
export function verifyImage(
  directory: string,
  image: StoredImage,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return unlessAborted(compareImage(directory, image, progress, signal), signal);
}

async function compareImage(
  directory: string,
  image: StoredImage,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const content = await openImage(directory, image);
  try {
    if (content.sizeBytes !== image.sizeBytes) {
      throw differs(image.path, `it holds ${content.sizeBytes} bytes, the device had ${image.sizeBytes}`);
    }
    const { leafBytes, value } = image.contentHash;
    const hash = new TreeHash(leafBytes);
    for await (const leaf of leavesOf(content, leafBytes, signal)) {
      hash.add(leaf.blake2b);
      progress(leaf.positionBytes + leaf.content.length);
    }
    if (hash.end().value !== value) throw differs(image.path, 'its content does not have the hash that the device had');
  } finally {
    await content.close();
  }
}

const CHUNK_BYTES = 1024 * 1024;

/** The same of a small file beside the images. Errors: `E_VERIFY`, and the signal's reason. */
export function verifyFile(directory: string, file: WrittenFile, signal: AbortSignal): Promise<void> {
  return unlessAborted(compareFile(directory, file, signal), signal);
}

async function compareFile(directory: string, file: WrittenFile, signal: AbortSignal): Promise<void> {
  for await (const _chunk of verifiedChunks(directory, file, signal));
}

/** The file in parts; throws at its end when it was not what was written. */
export async function* verifiedChunks(
  directory: string,
  file: WrittenFile,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const content = await ImageFileReader.open(insideOf(directory, file.path));
  try {
    if (content.sizeBytes !== file.sizeBytes)
      throw differs(file.path, `it has ${content.sizeBytes} bytes, it was written with ${file.sizeBytes}`);
    const hash = createHash('blake2b512');
    for (let position = 0; position < file.sizeBytes; position += CHUNK_BYTES) {
      signal.throwIfAborted();
      const chunk = await content.bytes(position, Math.min(CHUNK_BYTES, file.sizeBytes - position));
      hash.update(chunk);
      yield chunk;
    }
    const found = hash.digest('hex');
    if (found !== file.blake2b) throw differs(file.path, 'it does not have the hash that it was written with');
  } finally {
    await content.close();
  }
}

const differs = (path: string, why: string): SnaphookError =>
  new SnaphookError('E_VERIFY', `"${path}" is not what was handed over: ${why}`, {
    hint: 'It was changed or damaged since, or belongs to another manifest. Restore it from another backup.',
  });
