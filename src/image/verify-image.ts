import { SnaphookError } from '../ports/errors.ts';
import type { ImageShape, WrittenFile } from '../ports/images.ts';
import { hashContent } from './hash-content.ts';
import { ImageFileReader } from './image-content.ts';
import { insideOf } from './inside-of.ts';
import { openImage } from './read-image.ts';

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
    const found = await hashContent(content, async () => {}, progress, signal);
    if (found !== image.blake2b) throw differs(image.path, 'its content does not have the hash that the device had');
  } finally {
    await content.close();
  }
}

/** The same of a small file beside the images. Errors: `E_VERIFY`. */
export async function verifyFile(directory: string, file: WrittenFile, signal: AbortSignal): Promise<void> {
  const content = await ImageFileReader.open(insideOf(directory, file.path));
  try {
    if (content.sizeBytes !== file.sizeBytes)
      throw differs(file.path, `it has ${content.sizeBytes} bytes, it was written with ${file.sizeBytes}`);
    const found = await hashContent(
      content,
      async () => {},
      () => {},
      signal,
    );
    if (found !== file.blake2b) throw differs(file.path, 'it does not have the hash that it was written with');
  } finally {
    await content.close();
  }
}

const differs = (path: string, why: string): SnaphookError =>
  new SnaphookError('E_VERIFY', `"${path}" is not what was handed over: ${why}`, {
    hint: 'It was changed or damaged since, or belongs to another manifest. Restore it from another backup.',
  });
