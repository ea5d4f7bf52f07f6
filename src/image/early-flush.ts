import type { FileHandle } from 'node:fs/promises';

/** Enough for a disk to be busy with, and no more than a moment of it is left at the end. */
const FLUSH_BYTES = 64 * 1024 * 1024;

/**
 * Has the file system put a file on stable storage while more of it is made. Otherwise all of it waits in memory for the end, and the end
 * for all of it.
 */
export class EarlyFlush {
  readonly #file: Pick<FileHandle, 'datasync'>;
  #begunBytes = 0;
  #isUnderWay = false;
  #flushed: Promise<void> = Promise.resolve();

  constructor(file: Pick<FileHandle, 'datasync'>) {
    this.#file = file;
  }

  /** The file has got so many bytes by now. */
  written(bytes: number): void {
    if (this.#isUnderWay || bytes - this.#begunBytes < FLUSH_BYTES) return;
    this.#begunBytes = bytes;
    this.#isUnderWay = true;
    this.#flushed = this.#file.datasync().then(() => {
      this.#isUnderWay = false;
    });
    // Told at the end. A failure is the last attempt: the kernel tells it once.
    this.#flushed.catch(() => undefined);
  }

  /** Throws when a flush failed. The last bytes are not flushed. */
  async end(): Promise<void> {
    await this.#flushed;
  }
}
