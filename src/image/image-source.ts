import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { SnaphookError } from '../ports/errors.ts';
import type { ImageSource, StoredImage } from '../ports/image-source.ts';
import { exportError } from './export-error.ts';
import { writeFull } from './file-io.ts';
import type { ImageContent } from './image-content.ts';
import { PIECE_BYTES } from './image-sink.ts';
import { openImage } from './read-image.ts';
import { vmdkForUpload } from './vmdk-upload.ts';

/** Pieces are read this many at a time. */
const PIECES_PER_READ = 64;

/** Images of every format in a folder of this machine. */
export const storedImages: ImageSource = {
  async check(directory, image, signal) {
    signal.throwIfAborted();
    const content = await openChecked(directory, image);
    await content.close();
  },
  streamVmdk: (directory, image, progress, signal) =>
    vmdkForUpload(image, verifiedPieces(directory, image, progress, signal)),
  async writeRaw(directory, image, file, progress, signal) {
    const raw = await open(file, 'wx', 0o600).catch((error: unknown) => {
      throw exportError(error, file);
    });
    try {
      let at = 0;
      for await (const piece of verifiedPieces(directory, image, progress, signal)) {
        if (!isZero(piece)) await writeFull(raw, piece, at);
        at += piece.length;
      }
      await raw.truncate(at);
    } catch (error) {
      throw signal.aborted ? error : exportError(error, file);
    } finally {
      await raw.close();
    }
  },
};

const ZEROS = Buffer.alloc(PIECE_BYTES);
const isZero = (piece: Buffer): boolean => piece.equals(ZEROS.subarray(0, piece.length));

async function openChecked(directory: string, image: StoredImage): Promise<ImageContent> {
  const content = await openImage(directory, image);
  if (content.sizeBytes === image.sizeBytes) return content;
  await content.close();
  throw differs(image, `it holds ${content.sizeBytes} bytes, its manifest says ${image.sizeBytes}`);
}

/** The content in pieces; throws at its end when it was not the content of the manifest. */
async function* verifiedPieces(
  directory: string,
  image: StoredImage,
  progress: (readBytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const content = await openChecked(directory, image);
  try {
    const hash = createHash('blake2b512');
    for (let at = 0; at < image.sizeBytes; ) {
      signal.throwIfAborted();
      // A buffer of its own for each read: what was yielded may still be in use.
      const chunk = Buffer.allocUnsafe(Math.min(PIECES_PER_READ * PIECE_BYTES, image.sizeBytes - at));
      await content.read(chunk, at);
      hash.update(chunk);
      for (let offset = 0; offset < chunk.length; offset += PIECE_BYTES) {
        yield chunk.subarray(offset, offset + PIECE_BYTES);
      }
      at += chunk.length;
      progress(at);
    }
    const found = hash.digest('hex');
    if (found !== image.blake2b) throw differs(image, `its content has the BLAKE2b ${found}`);
  } finally {
    await content.close();
  }
}

const differs = ({ path }: StoredImage, why: string) =>
  new SnaphookError('E_VERIFY', `image "${path}" is not what was handed over: ${why}`, {
    hint: 'It was changed or damaged since. Restore it again from the backup product, or an older backup.',
  });
