import { createHash } from 'node:crypto';
import { lstat, open } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../platform/system-error.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { ImageSource, StoredImage } from '../ports/image-source.ts';
import { GRAIN_BYTES, vmdkForUpload } from './vmdk-upload.ts';

/** Grains are read this many at a time. */
const GRAINS_PER_READ = 64;

/** Raw images in a folder of this machine. */
export const storedImages: ImageSource = {
  async check(directory, image, signal) {
    signal.throwIfAborted();
    const file = path.join(directory, image.path);
    const stats = await lstat(file).catch((cause: unknown) => {
      throw unreadable(file, cause);
    });
    if (!stats.isFile()) {
      throw new SnaphookError('E_RESTORE', `"${file}" is not a regular file`, {
        hint: 'Restore the images with the backup product into a folder of their own, beside their manifest.',
      });
    }
    if (stats.size !== image.sizeBytes) throw otherSize(file, image, stats.size);
  },
  streamVmdk: (directory, image, progress, signal) =>
    vmdkForUpload(image.sizeBytes, verifiedGrains(path.join(directory, image.path), image, progress, signal)),
};

/** The content in grains; throws at its end when it was not the content of the manifest. */
async function* verifiedGrains(
  file: string,
  image: StoredImage,
  progress: (readBytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const hash = createHash('blake2b512');
    for (let at = 0; at < image.sizeBytes; ) {
      signal.throwIfAborted();
      const wanted = Math.min(GRAINS_PER_READ * GRAIN_BYTES, image.sizeBytes - at);
      // A buffer of its own for each read: what was yielded may still be in use.
      const { bytesRead, buffer } = await handle
        .read(Buffer.allocUnsafe(wanted), 0, wanted, at)
        .catch((cause: unknown) => {
          throw unreadable(file, cause);
        });
      // A regular file gives less than was asked for only at its end.
      if (bytesRead < wanted) throw otherSize(file, image, at + bytesRead);
      hash.update(buffer);
      for (let offset = 0; offset < wanted; offset += GRAIN_BYTES) yield buffer.subarray(offset, offset + GRAIN_BYTES);
      at += wanted;
      progress(at);
    }
    const found = hash.digest('hex');
    if (found === image.blake2b) return;
    throw new SnaphookError('E_VERIFY', `"${file}" is not the image that its manifest tells of: BLAKE2b ${found}`, {
      hint: 'It was changed or damaged since it was handed over. Restore it again from the backup product, or an older backup.',
    });
  } finally {
    await handle.close();
  }
}

const unreadable = (file: string, cause: unknown) =>
  new SnaphookError('E_RESTORE', `image "${file}" cannot be read (${systemErrorCode(cause)})`, {
    cause,
    hint: 'Restore it with the backup product beside its manifest, readable for the account that runs snaphook.',
  });

const otherSize = (file: string, { sizeBytes }: StoredImage, bytes: number) =>
  new SnaphookError('E_RESTORE', `image "${file}" has ${bytes} bytes, and its manifest says ${sizeBytes}`, {
    hint: 'Restore it again from the backup product, whole.',
  });
