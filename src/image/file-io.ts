import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Opens what is to be a regular file, for reading; a link to one is followed. Undefined: it is something else. Opening a FIFO waits for
 * who writes to it, but not this way.
 */
export async function openRegular(file: string): Promise<{ handle: FileHandle; sizeBytes: number } | undefined> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (stats.isFile()) return { handle, sizeBytes: stats.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

/** Writes all of it: one call of the system may take less. */
export async function writeFull(file: FileHandle, data: Buffer, positionBytes: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await file.write(data, done, data.length - done, positionBytes + done);
    done += bytesWritten;
  }
}

/** Fills the buffer as far as the file goes; returns how many bytes that were. */
export async function readFull(file: FileHandle, buffer: Buffer, positionBytes: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, positionBytes + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
