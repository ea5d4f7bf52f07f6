import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import type { BandRequest } from '../../ports/bands.ts';
import type { ByteRange } from '../../ports/byte-range.ts';
import type { FolderContent } from './band-folder.ts';
import type { BandEntry, BandIndex } from './band-index.ts';
import { type BandShape, bandCount, bandLength, bandPath } from './band-layout.ts';

/** A band whose content is known without reading the device. */
interface UnreadBand {
  /** BLAKE2b-512 of the content in hex. */
  readonly blake2b: string;
  /** Undefined: it holds zeros, and there is no file of it. */
  readonly entry: BandEntry | undefined;
}

/**
 * The bands outside of the changed regions whose file shows the size and time of the index, by number. Undefined where the regions say
 * nothing of what lies in the folder, or nothing that can be of this disk: then all is read.
 */
export async function unreadBands(
  folder: string,
  { sizeBytes, bandBytes, changed }: Pick<BandRequest, 'sizeBytes' | 'bandBytes' | 'changed'>,
  before: BandIndex | undefined,
  there: FolderContent,
): Promise<ReadonlyMap<number, UnreadBand> | undefined> {
  if (!changed || !before || before.run.id !== changed.sinceRun) return undefined;
  if (before.sizeBytes !== sizeBytes || before.bandBytes !== bandBytes) return undefined;
  const touched = bandsOf(changed.ranges, before);
  if (!touched) return undefined;
  const zeros = new ZeroHashes();
  const unread = new Map<number, UnreadBand>();
  for (let band = 0; band < bandCount(before); band += 1) {
    if (touched.has(band)) continue;
    const lengthBytes = bandLength(before, band);
    const entry = before.bands.get(band);
    if (!entry) unread.set(band, { blake2b: zeros.of(lengthBytes), entry });
    else if (there.bands.has(band) && (await isAsIndexed(path.join(folder, bandPath(band)), lengthBytes, entry))) {
      unread.set(band, { blake2b: entry.blake2b, entry });
    }
  }
  return unread;
}

/** The bands that one of the ranges touches. Undefined where a range is not inside of the disk. */
function bandsOf(ranges: readonly ByteRange[], { sizeBytes, bandBytes }: BandShape): ReadonlySet<number> | undefined {
  const touched = new Set<number>();
  for (const { startBytes, lengthBytes } of ranges) {
    const endBytes = startBytes + lengthBytes;
    const isInside = [startBytes, lengthBytes, endBytes].every(Number.isSafeInteger);
    if (!isInside || startBytes < 0 || lengthBytes <= 0 || endBytes > sizeBytes) return undefined;
    const last = Math.floor((endBytes - 1) / bandBytes);
    for (let band = Math.floor(startBytes / bandBytes); band <= last; band += 1) touched.add(band);
  }
  return touched;
}

async function isAsIndexed(file: string, lengthBytes: number, entry: BandEntry): Promise<boolean> {
  const { size, mtimeMs } = await lstat(file);
  return size === lengthBytes && mtimeMs === entry.mtimeMs;
}

/** Of contents of zeros, each length hashed once. */
class ZeroHashes {
  readonly #known = new Map<number, string>();

  of(lengthBytes: number): string {
    const known = this.#known.get(lengthBytes);
    if (known !== undefined) return known;
    const blake2b = createHash('blake2b512').update(Buffer.alloc(lengthBytes)).digest('hex');
    this.#known.set(lengthBytes, blake2b);
    return blake2b;
  }
}
