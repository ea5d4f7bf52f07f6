import { createHash } from 'node:crypto';
import { SnaphookError } from '../ports/errors.ts';
import type { ImageShape } from '../ports/images.ts';
import { openImage } from './read-image.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * Reads the whole content of an image below the directory and compares size and hash with those of the device it was made from.
 * Errors: `E_VERIFY`.
 */
export async function verifyImage(
  directory: string,
  image: ImageShape & { readonly blake2b: string },
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const content = await openImage(directory, image);
  try {
    if (content.sizeBytes !== image.sizeBytes) {
      throw differs(image.path, `it holds ${content.sizeBytes} bytes, the device had ${image.sizeBytes}`);
    }
    const hash = createHash('blake2b512');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let offset = 0; offset < content.sizeBytes; ) {
      signal.throwIfAborted();
      const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, content.sizeBytes - offset));
      await content.read(chunk, offset);
      hash.update(chunk);
      offset += chunk.length;
      progress(offset);
    }
    const found = hash.digest('hex');
    if (found !== image.blake2b) throw differs(image.path, 'its content does not have the hash that the device had');
  } finally {
    await content.close();
  }
}

const differs = (path: string, why: string): SnaphookError =>
  new SnaphookError('E_VERIFY', `image "${path}" is not what was handed over: ${why}`, {
    hint: 'It was changed or damaged since, or belongs to another manifest. Restore it from another backup.',
  });
