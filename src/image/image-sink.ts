import type { FileHandle } from 'node:fs/promises';
import type { ContentHash } from '../ports/images.ts';

/** Content is told apart from zeros in pieces of this size, and every format keeps it in pieces of this size. */
export const PIECE_BYTES = 64 * 1024;

export const SECTOR_BYTES = 512;

interface Sink {
  /** Gets the content; the other files of an image are small. */
  readonly file: FileHandle;
  /** After the last stretch; the hash is that of the whole content. */
  finish(contentHash: ContentHash): Promise<void>;
}

/** The file gets every byte that is not in a hole at the place where it is on the device, from whoever reads the device. */
interface CopySink extends Sink {
  readonly takes: 'copy';
}

/**
 * Takes stretches one after the other, as they lie on the device. Each begins at a multiple of `PIECE_BYTES` and, but for the last one
 * of the device, ends at one. What lies between them is zeros. Nothing of a stretch may be kept beyond the call.
 */
interface StretchSink extends Sink {
  readonly takes: 'stretches';
  write(stretch: Buffer, positionBytes: number): Promise<void>;
}

/** Takes the content of a device. */
export type ImageSink = CopySink | StretchSink;

/** The pieces of a stretch, each of whole size: the last one of a device is filled up with zeros. */
export function* wholePieces(stretch: Buffer): Generator<Buffer> {
  for (let at = 0; at < stretch.length; at += PIECE_BYTES) {
    const piece = stretch.subarray(at, at + PIECE_BYTES);
    yield piece.length === PIECE_BYTES ? piece : Buffer.concat([piece, Buffer.alloc(PIECE_BYTES - piece.length)]);
  }
}

/** Disks have whole sectors, and formats other than raw cannot say anything else. */
export function requireWholeSectors(sizeBytes: number): void {
  if (sizeBytes % SECTOR_BYTES !== 0) throw new Error(`${sizeBytes} bytes are not whole sectors of ${SECTOR_BYTES}`);
}
