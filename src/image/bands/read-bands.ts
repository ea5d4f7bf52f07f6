import { type ImageContent, ImageFileReader } from '../image-content.ts';
import { requireIndex } from './assemble-bands.ts';
import type { BandIndex } from './band-index.ts';
import { bandLength, bandPath } from './band-layout.ts';

/**
 * The disk that a folder of bands holds, read at any place. Bands are not compared with their hashes: who reads the whole compares it.
 * Errors: `E_VERIFY`.
 */
export async function openBands(folder: string): Promise<ImageContent> {
  return new BandsContent(folder, await requireIndex(folder));
}

class BandsContent implements ImageContent {
  readonly #folder: string;
  readonly #index: BandIndex;
  /** Reading goes from one band to the next: the one that is open is the one that is needed. */
  #open: { readonly band: number; readonly file: ImageFileReader } | undefined;

  constructor(folder: string, index: BandIndex) {
    this.#folder = folder;
    this.#index = index;
  }

  get sizeBytes(): number {
    return this.#index.sizeBytes;
  }

  async read(buffer: Buffer, positionBytes: number): Promise<void> {
    const { bandBytes, bands } = this.#index;
    for (let done = 0; done < buffer.length; ) {
      const at = positionBytes + done;
      const band = Math.floor(at / bandBytes);
      const inBand = at % bandBytes;
      const part = buffer.subarray(done, done + Math.min(buffer.length - done, bandBytes - inBand));
      if (bands.has(band)) await (await this.#fileOf(band)).read(part, inBand);
      else part.fill(0);
      done += part.length;
    }
  }

  async close(): Promise<void> {
    await this.#open?.file.close();
    this.#open = undefined;
  }

  async #fileOf(band: number): Promise<ImageFileReader> {
    if (this.#open?.band === band) return this.#open.file;
    await this.close();
    const file = await ImageFileReader.open(`${this.#folder}/${bandPath(band)}`);
    this.#open = { band, file };
    if (file.sizeBytes === bandLength(this.#index, band)) return file;
    throw file.damaged(`it has ${file.sizeBytes} bytes in place of ${bandLength(this.#index, band)}`);
  }
}
