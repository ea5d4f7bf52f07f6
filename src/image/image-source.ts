import { type FileHandle, open } from 'node:fs/promises';
import { eachUnlessAborted, unlessAborted } from '../platform/unless-aborted.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { ImageSource, StoredImage } from '../ports/image-source.ts';
import { exportError } from './export-error.ts';
import type { ImageContent } from './image-content.ts';
import { PIECE_BYTES } from './image-sink.ts';
import { type Leaf, leavesOf } from './leaves.ts';
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
      for await (const _ of verifiedLeaves(directory, image, progress, signal, raw));
      await raw.truncate(image.sizeBytes);
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
  for await (const { content } of verifiedLeaves(directory, image, progress, signal)) {
    // A copy: what was yielded may still be in use when the memory of the leaf is not its own any more.
    const pieces = Buffer.from(content);
    for (let offset = 0; offset < pieces.length; offset += PIECE_BYTES) {
      yield pieces.subarray(offset, offset + PIECE_BYTES);
    }
  }
}

/** The same in leaves, copied to a file where one is given. */
async function* verifiedLeaves(
  directory: string,
  image: StoredImage,
  progress: (readBytes: number) => void,
  signal: AbortSignal,
  copyTo?: FileHandle,
): AsyncGenerator<Leaf, void, undefined> {
  const content = await openChecked(directory, image);
  try {
    const { leafBytes, value } = image.contentHash;
    const hash = new TreeHash(leafBytes);
    for await (const leaf of leavesOf(content, leafBytes, signal, copyTo ? { copyTo } : {})) {
      hash.add(leaf.blake2b);
      yield leaf;
      progress(leaf.positionBytes + leaf.content.length);
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
