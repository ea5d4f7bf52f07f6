import path from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { writeFull } from './file-io.ts';
import { PIECE_BYTES, requireWholeSectors, SECTOR_BYTES, wholePieces } from './image-sink.ts';
import {
  DESCRIPTOR_SECTORS,
  GD_AT_END,
  grainRecord,
  grainTablesOf,
  littleEndian,
  MARKER,
  MAX_SECTOR,
  marker,
  OVERHEAD_SECTORS,
  padded,
  sparseHeader,
  TABLE_ENTRIES,
} from './stream-vmdk-layout.ts';
import { vmdkDescriptor } from './vmdk-descriptor.ts';
import type { OpenSink } from './write-image.ts';

/** Fast, as a grain costs more to compress than to read. */
const LEVEL = 1;
const compress = (grain: Uint8Array) => promisify(deflate)(grain, { level: LEVEL });

/**
 * `streamOptimized`: header and descriptor; then every grain that is not zero as deflate behind a marker that tells where it belongs;
 * a table after each 512 grains; at the end the directory of the tables and a footer, which is the header that knows where the
 * directory is. What is written is never read again.
 */
export const streamVmdkSink: OpenSink = async (image, [file]) => {
  if (!file) throw new TypeError('a VMDK has a file');
  requireWholeSectors(image.sizeBytes);
  const capacity = image.sizeBytes / SECTOR_BYTES;
  const directory = new Uint32Array(grainTablesOf(capacity));
  let table = new Uint32Array(TABLE_ENTRIES);
  let tableIndex = 0;
  let nextSector = OVERHEAD_SECTORS;
  let unwritten: Buffer[] = [];

  /** Returns the sector at which it will be. */
  const append = (...parts: readonly Buffer[]): number => {
    const at = nextSector;
    const bytes = padded(Buffer.concat(parts));
    nextSector += bytes.length / SECTOR_BYTES;
    if (nextSector > MAX_SECTOR) throw new Error('a streamOptimized VMDK holds at most 2 TiB of compressed data');
    unwritten.push(bytes);
    return at;
  };
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(unwritten);
    unwritten = [];
    await writeFull(file, bytes, nextSector * SECTOR_BYTES - bytes.length);
  };
  const endTable = (): void => {
    if (!table.some((entry) => entry !== 0)) return;
    const entries = littleEndian(table);
    directory[tableIndex] = append(marker(entries.length / SECTOR_BYTES, MARKER.grainTable), entries) + 1;
    table = new Uint32Array(TABLE_ENTRIES);
  };

  return {
    takes: 'stretches',
    file,
    async write(stretch, positionBytes) {
      const grains = await Promise.all([...wholePieces(stretch)].map((piece) => compress(piece)));
      for (const [index, data] of grains.entries()) {
        const grain = positionBytes / PIECE_BYTES + index;
        const owner = Math.floor(grain / TABLE_ENTRIES);
        if (owner !== tableIndex) {
          endTable();
          tableIndex = owner;
        }
        table[grain % TABLE_ENTRIES] = append(grainRecord(grain, data));
      }
      await flush();
    },

    async finish(contentHash) {
      endTable();
      const entries = padded(littleEndian(directory));
      const directoryAt = append(marker(entries.length / SECTOR_BYTES, MARKER.grainDirectory), entries) + 1;
      append(marker(1, MARKER.footer), sparseHeader(capacity, BigInt(directoryAt)));
      append(marker(0, MARKER.endOfStream));
      await flush();
      await writeFull(file, sparseHeader(capacity, GD_AT_END), 0);
      const extentName = path.posix.basename(image.path);
      const text = vmdkDescriptor('streamOptimized', { sizeBytes: image.sizeBytes, extentName, contentHash });
      await writeFull(file, padded(Buffer.from(text), DESCRIPTOR_SECTORS), SECTOR_BYTES);
    },
  };
};
