import { open } from 'node:fs/promises';
import { eachUnlessAborted, unlessAborted } from '../platform/unless-aborted.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { ImageSource, StoredImage } from '../ports/image-source.ts';
import { exportError } from './export-error.ts';
import { writeFull } from './file-io.ts';
import type { ImageContent } from './image-content.ts';
import { PIECE_BYTES } from './image-sink.ts';
import { leavesOf } from './leaves.ts';
import { openImage } from './read-image.ts';
import { TreeHash } from './tree-hash.ts';
import { verifiedChunks } from './verify-image.ts';
import { vmdkForUpload } from './vmdk-upload.ts';

const images: ImageSource = {
  async check(directory, image, signal) {
    signal.throwIfAborted();
    const content = await openChecked(directory, image);
    await content.close();
  },
  async readBeside(directory, file, signal) {
    const chunks: Buffer[] = [];
    for await (const chunk of verifiedChunks(directory, file, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
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

/** Images of every format in a folder of this machine. What hangs in the kernel is not waited for beyond the signal. */
export const storedImages: ImageSource = {
  check: (directory, image, signal) => unlessAborted(images.check(directory, image, signal), signal),
  readBeside: (directory, file, signal) => unlessAborted(images.readBeside(directory, file, signal), signal),
  streamVmdk: (directory, image, progress, signal) =>
    vmdkForUpload(image, eachUnlessAborted(verifiedPieces(directory, image, progress, signal), signal)),
  writeRaw: (directory, image, file, progress, signal) =>
    unlessAborted(images.writeRaw(directory, image, file, progress, signal), signal),
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
    const { leafBytes, value } = image.contentHash;
    const hash = new TreeHash(leafBytes);
    for await (const leaf of leavesOf(content, leafBytes, signal)) {
      hash.add(leaf.blake2b);
      // A copy: what was yielded may still be in use when the memory of the leaf is not its own any more.
      const pieces = Buffer.from(leaf.content);
      for (let offset = 0; offset < pieces.length; offset += PIECE_BYTES) {
        yield pieces.subarray(offset, offset + PIECE_BYTES);
      }
      progress(leaf.positionBytes + pieces.length);
    }
    const found = hash.end().value;
    if (found !== value) throw differs(image, `its content has the hash ${found}`);
  } finally {
    await content.close();
  }
}

const differs = ({ path }: StoredImage, why: string) =>
  new SnaphookError('E_VERIFY', `image "${path}" is not what was handed over: ${why}`, {
    hint: 'It was changed or damaged since. Restore it again from the backup product, or an older backup.',
  });
