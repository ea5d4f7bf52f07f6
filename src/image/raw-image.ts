import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../platform/ensure-folder.ts';
import { systemErrorCode } from '../platform/system-error.ts';
import type { ImageFile, ImageRequest, Images } from '../ports/images.ts';
import { exportError } from './export-error.ts';
import { insideOf } from './inside-of.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
const HOLE_BYTES = 64 * 1024;

/** The device's bytes as a sparse regular file. Zeros become holes. */
export const writeRawImage: Images['write'] = async (directory, request, progress, signal) => {
  const final = insideOf(directory, request.path);
  const partial = `${final}.partial`;
  try {
    await ensureFolder(path.dirname(final));
    const written = await copySparse(request, partial, progress, signal);
    signal.throwIfAborted();
    await rename(partial, final);
    return { path: request.path, format: request.format, sizeBytes: request.sizeBytes, ...written };
  } catch (error) {
    // A partial file that was there before is another run's.
    if (systemErrorCode(error) !== 'EEXIST') await rm(partial, { force: true });
    throw exportError(error, final);
  }
};

async function copySparse(
  { devicePath, sizeBytes }: ImageRequest,
  partial: string,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<Pick<ImageFile, 'dataBytes' | 'blake2b'>> {
  const source = await open(devicePath, 'r');
  try {
    const image = await open(partial, 'wx', 0o600);
    try {
      await image.truncate(sizeBytes);
      const hash = createHash('blake2b512');
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      let dataBytes = 0;
      for (let offset = 0; offset < sizeBytes; ) {
        signal.throwIfAborted();
        const length = await readFull(source, buffer.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - offset)), offset);
        if (length === 0) throw new Error(`device "${devicePath}" ends at byte ${offset}, before ${sizeBytes}`);
        const chunk = buffer.subarray(0, length);
        hash.update(chunk);
        dataBytes += await writeData(image, chunk, offset);
        offset += length;
        progress(offset);
      }
      await image.sync();
      return { dataBytes, blake2b: hash.digest('hex') };
    } finally {
      await image.close();
    }
  } finally {
    await source.close();
  }
}

async function readFull(source: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await source.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

const ZEROS = Buffer.alloc(HOLE_BYTES);

/** Writes the stretches that are not zero; returns their bytes. */
async function writeData(image: FileHandle, chunk: Buffer, position: number): Promise<number> {
  let written = 0;
  let start = -1;
  for (let at = 0; at <= chunk.length; at += HOLE_BYTES) {
    const piece = chunk.subarray(at, at + HOLE_BYTES);
    const isData =
      piece.length > 0 && !piece.equals(piece.length === HOLE_BYTES ? ZEROS : ZEROS.subarray(0, piece.length));
    if (isData && start < 0) start = at;
    if (!isData && start >= 0) {
      const stretch = chunk.subarray(start, Math.min(at, chunk.length));
      await writeFull(image, stretch, position + start);
      written += stretch.length;
      start = -1;
    }
  }
  if (start >= 0) {
    const stretch = chunk.subarray(start);
    await writeFull(image, stretch, position + start);
    written += stretch.length;
  }
  return written;
}

async function writeFull(image: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await image.write(data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}
