import type { ContentHash } from '../ports/images.ts';

/** Content is told apart from zeros in pieces of this size, and every format keeps it in pieces of this size. */
export const PIECE_BYTES = 64 * 1024;

export const SECTOR_BYTES = 512;

/**
 * Takes the content of a device. Each stretch begins at a multiple of `PIECE_BYTES` and, but for the last one of the device, ends at
 * one. What lies between them is zeros. Nothing of a stretch may be kept beyond the call.
 */
export interface ImageSink {
  /** `ascending`: one stretch after the other, as they lie on the device. `any`: several at once as well. */
  readonly order: 'ascending' | 'any';
  write(stretch: Buffer, positionBytes: number): Promise<void>;
  /** After the last stretch; the hash is that of the whole content. */
  finish(contentHash: ContentHash): Promise<void>;
}

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
