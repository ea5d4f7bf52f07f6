import path from 'node:path';
import { SnaphookError } from '../../ports/errors.ts';
import { type ImageContent, ImageFileReader } from '../image-content.ts';
import { indexOf } from './band-folder.ts';
import type { BandIndex } from './band-index.ts';
import { bandLength, bandPath, INDEX_NAME } from './band-layout.ts';

/** Reads what a folder of bands says of itself. Errors: `E_VERIFY` where it holds no whole disk. */
export async function requireIndex(folder: string): Promise<BandIndex> {
  const index = await indexOf(folder);
  if (index) return index;
  throw new SnaphookError(
    'E_VERIFY',
    `"${folder}" has no readable "${INDEX_NAME}": its bands may be of several snapshots`,
    {
      hint: 'Restore the folder as a whole. In a hand-over directory the next hook of the job finishes what was begun.',
    },
  );
}

/** The disk that a folder of bands holds, as `bandsContent`. Errors: `E_VERIFY`. */
export async function openBands(folder: string): Promise<ImageContent> {
  return bandsContent(folder, await requireIndex(folder));
}

/** Read at any place. Bands are not compared with their hashes: who reads the whole compares it. Errors: `E_VERIFY`. */
export const bandsContent = (folder: string, index: BandIndex): ImageContent => new BandsContent(folder, index);

class BandsContent implements ImageContent {
  readonly #folder: string;
  readonly #index: BandIndex;

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
      if (bands.has(band)) await this.#readBand(band, part, inBand);
      else part.fill(0);
      done += part.length;
    }
  }

  async close(): Promise<void> {}

  async #readBand(band: number, part: Buffer, inBand: number): Promise<void> {
    const file = await ImageFileReader.open(path.join(this.#folder, bandPath(band)));
    try {
      const wanted = bandLength(this.#index, band);
      if (file.sizeBytes !== wanted) throw file.damaged(`it has ${file.sizeBytes} bytes in place of ${wanted}`);
      await file.read(part, inBand);
    } finally {
      await file.close();
    }
  }
}
