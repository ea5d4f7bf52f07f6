import type { FileHandle } from 'node:fs/promises';

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
