import type { FileHandle } from 'node:fs/promises';
import { systemErrorCode } from '../platform/system-error.ts';
import { SnaphookError } from '../ports/errors.ts';
import { openRegular, readFull } from './file-io.ts';
import type { ReadableContent } from './leaves.ts';

/** What an image holds, whatever its format: as many bytes as the device had. Reading fails with `E_VERIFY` where it is damaged. */
export interface ImageContent extends ReadableContent {
  close(): Promise<void>;
}

export const damaged = (file: string, why: string, cause?: unknown): SnaphookError =>
  new SnaphookError('E_VERIFY', `image "${file}" is damaged: ${why}`, {
    cause,
    hint: 'Restore it once more, or from another backup.',
  });

/** A file of an image. Whoever reads it can rely on nothing in it. */
export class ImageFileReader {
  readonly file: string;
  readonly sizeBytes: number;
  readonly #handle: FileHandle;

  private constructor(file: string, handle: FileHandle, sizeBytes: number) {
    this.file = file;
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
  }

  static async open(file: string): Promise<ImageFileReader> {
    const opened = await openRegular(file).catch((cause: unknown) => {
      throw new SnaphookError('E_VERIFY', `image file "${file}" cannot be opened (${systemErrorCode(cause)})`, {
        cause,
        hint: 'Restore it beside the manifest, under the path that stands there.',
      });
    });
    if (!opened) throw damaged(file, 'it is not a regular file');
    return new ImageFileReader(file, opened.handle, opened.sizeBytes);
  }

  async read(buffer: Buffer, positionBytes: number): Promise<void> {
    const isInside = positionBytes >= 0 && positionBytes + buffer.length <= this.sizeBytes;
    const filled = isInside ? await this.#fill(buffer, positionBytes) : 0;
    if (!isInside || filled < buffer.length) {
      throw this.damaged(`it ends before byte ${positionBytes + buffer.length}`);
    }
  }

  async #fill(buffer: Buffer, positionBytes: number): Promise<number> {
    try {
      return await readFull(this.#handle, buffer, positionBytes);
    } catch (cause) {
      throw this.damaged(`it cannot be read (${systemErrorCode(cause)})`, cause);
    }
  }

  async bytes(positionBytes: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length);
    await this.read(buffer, positionBytes);
    return buffer;
  }

  damaged(why: string, cause?: unknown): SnaphookError {
    return damaged(this.file, why, cause);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
