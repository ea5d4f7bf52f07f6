import { createHash } from 'node:crypto';
import { constants, open } from 'node:fs/promises';

const PIECE_BYTES = 1024 * 1024;

/** BLAKE2b-512 of a regular file in hex, and how many bytes it has. A link in its place is an error. */
export async function hashFile(
  file: Buffer,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<{ readonly blake2b: string; readonly bytes: number }> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const hash = createHash('blake2b512');
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    for (let bytes = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, PIECE_BYTES, bytes);
      if (bytesRead === 0) return { blake2b: hash.digest('hex'), bytes };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
      progress(bytes);
    }
  } finally {
    await handle.close();
  }
}
