import { open } from 'node:fs/promises';
import type { ImageFile } from '../ports/images.ts';
import type { OpenHash } from './content-hash.ts';
import { readFull } from './file-io.ts';
import { hashContent } from './hash-content.ts';
import { type ImageSink, PIECE_BYTES } from './image-sink.ts';

const ZEROS = Buffer.alloc(PIECE_BYTES);

/** Reads the first `sizeBytes` of a device once, hashes them, and gives the sink what is not zero. */
export async function copyDevice(
  { devicePath, sizeBytes }: { readonly devicePath: string; readonly sizeBytes: number },
  sink: ImageSink,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
  openHash?: OpenHash,
): Promise<Pick<ImageFile, 'dataBytes' | 'blake2b'>> {
  const source = await open(devicePath, 'r');
  try {
    let dataBytes = 0;
    const content = {
      sizeBytes,
      async read(buffer: Buffer, positionBytes: number) {
        const filled = await readFull(source, buffer, positionBytes);
        if (filled === buffer.length) return;
        throw new Error(`device "${devicePath}" ends at byte ${positionBytes + filled}, before ${sizeBytes}`);
      },
    };
    const give = async (chunk: Buffer, positionBytes: number) => {
      for (const { start, end } of stretchesOf(chunk)) {
        await sink.write(chunk.subarray(start, end), positionBytes + start);
        dataBytes += end - start;
      }
    };
    const blake2b = await hashContent(content, give, progress, signal, openHash);
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
