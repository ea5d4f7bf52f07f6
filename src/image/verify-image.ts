import { SnaphookError } from '../ports/errors.ts';
import type { StoredImage } from '../ports/image-source.ts';
import { leavesOf } from './leaves.ts';
import { openImage } from './read-image.ts';
import { TreeHash } from './tree-hash.ts';

/**
 * Reads the whole content of an image below the directory and compares size and hash with those of the device it was made from.
 * Errors: `E_VERIFY`.
 */
export async function verifyImage(
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

const differs = (path: string, why: string): SnaphookError =>
  new SnaphookError('E_VERIFY', `image "${path}" is not what was handed over: ${why}`, {
    hint: 'It was changed or damaged since, or belongs to another manifest. Restore it from another backup.',
  });
