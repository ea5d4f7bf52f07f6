import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ImageFile } from '../ports/images.ts';
import { readFull } from './file-io.ts';
import { type ImageSink, PIECE_BYTES } from './image-sink.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/** Reads the first `sizeBytes` of a device once, hashes them, and gives the sink what is not zero. */
export async function copyDevice(
  { devicePath, sizeBytes }: { readonly devicePath: string; readonly sizeBytes: number },
  sink: ImageSink,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<Pick<ImageFile, 'dataBytes' | 'blake2b'>> {
  const source = await open(devicePath, 'r');
  try {
    const hash = createHash('blake2b512');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let dataBytes = 0;
    for (let offset = 0; offset < sizeBytes; ) {
      signal.throwIfAborted();
      const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - offset));
      const filled = await readFull(source, chunk, offset);
      if (filled < chunk.length) {
        throw new Error(`device "${devicePath}" ends at byte ${offset + filled}, before ${sizeBytes}`);
      }
      hash.update(chunk);
      for (const { start, end } of stretchesOf(chunk)) {
        await sink.write(chunk.subarray(start, end), offset + start);
        dataBytes += end - start;
      }
      offset += chunk.length;
      progress(offset);
    }
    const blake2b = hash.digest('hex');
    await sink.finish(blake2b);
    return { dataBytes, blake2b };
  } finally {
    await source.close();
  }
}

/** Runs of pieces that are not all zeros. */
function* stretchesOf(chunk: Buffer): Generator<{ readonly start: number; readonly end: number }> {
  let start = -1;
  for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
    const piece = chunk.subarray(at, at + PIECE_BYTES);
    const isZero = piece.equals(piece.length === PIECE_BYTES ? ZEROS : ZEROS.subarray(0, piece.length));
    if (!isZero && start < 0) start = at;
    if (isZero && start >= 0) {
      yield { start, end: at };
      start = -1;
    }
  }
  if (start >= 0) yield { start, end: chunk.length };
}
