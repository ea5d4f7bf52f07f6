import { type OpenHash, openBlake2b } from './content-hash.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

export interface ReadableContent {
  readonly sizeBytes: number;
  /** Fills the buffer from that place, or fails. */
  read(buffer: Buffer, positionBytes: number): Promise<void>;
}

/**
 * Reads content once from begin to end; resolves with its BLAKE2b-512 in hex. While a chunk is hashed and used, the next one is read:
 * two chunks are all the memory that it takes.
 */
export async function hashContent(
  content: ReadableContent,
  use: (chunk: Buffer, positionBytes: number) => Promise<void>,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
  openHash: OpenHash = openBlake2b,
): Promise<string> {
  const { sizeBytes } = content;
  const memory = new SharedArrayBuffer(2 * CHUNK_BYTES);
  const startOf = (positionBytes: number) => positionBytes % memory.byteLength;
  const readChunk = async (positionBytes: number): Promise<Buffer> => {
    const length = Math.min(CHUNK_BYTES, sizeBytes - positionBytes);
    const chunk = Buffer.from(memory, startOf(positionBytes), length);
    if (length > 0) await content.read(chunk, positionBytes);
    return chunk;
  };
  const hash = openHash(memory);
  try {
    let reading = readChunk(0);
    for (let position = 0; position < sizeBytes; position += CHUNK_BYTES) {
      const chunk = await reading;
      signal.throwIfAborted();
      reading = readChunk(Math.min(position + CHUNK_BYTES, sizeBytes));
      // It is looked at in the next turn, which does not come when the rest of this one fails.
      reading.catch(() => undefined);
      await Promise.all([hash.update(startOf(position), chunk.length), use(chunk, position)]);
      progress(position + chunk.length);
    }
    return await hash.digest();
  } finally {
    await hash.close();
  }
}
