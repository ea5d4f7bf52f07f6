import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import type { ImageContent, ImageFileReader } from './image-content.ts';
import { PIECE_BYTES, SECTOR_BYTES } from './image-sink.ts';
import { GD_AT_END, grainTablesOf, TABLE_ENTRIES, VMDK_MAGIC } from './stream-vmdk-layout.ts';

const MAX_CAPACITY_SECTORS = 2 ** 40;
/** Incompressible content grows by a few bytes. */
const MAX_GRAIN_BYTES = 2 * PIECE_BYTES;
const COMPRESSED_WITH_MARKERS = 0x3_0000;
const GRAIN_HEAD_BYTES = 12;

export async function readStreamVmdk(file: ImageFileReader): Promise<ImageContent> {
  const header = await headerAt(file, 0);
  // The footer is before the marker that ends the stream.
  const { capacity, directoryAt } =
    header.directoryAt === GD_AT_END ? await headerAt(file, file.sizeBytes - 2 * SECTOR_BYTES) : header;
  if (capacity !== header.capacity) throw file.damaged('header and footer are not of one image');
  const directory = await file.bytes(Number(directoryAt) * SECTOR_BYTES, grainTablesOf(capacity) * 4);
  let last: { readonly index: number; readonly entries: Buffer } | undefined;

  const tableAt = (sector: number): Promise<Buffer> => file.bytes(sector * SECTOR_BYTES, TABLE_ENTRIES * 4);
  const entryOf = async (grain: number): Promise<number> => {
    const index = Math.floor(grain / TABLE_ENTRIES);
    const at = directory.readUInt32LE(index * 4);
    if (at === 0) return 0;
    const table = last?.index === index ? last : { index, entries: await tableAt(at) };
    last = table;
    return table.entries.readUInt32LE((grain % TABLE_ENTRIES) * 4);
  };
  const grainAt = async (grain: number, sector: number): Promise<Buffer> => {
    const head = await file.bytes(sector * SECTOR_BYTES, GRAIN_HEAD_BYTES);
    const length = head.readUInt32LE(8);
    if (head.readBigUInt64LE(0) !== BigInt((grain * PIECE_BYTES) / SECTOR_BYTES) || length > MAX_GRAIN_BYTES) {
      throw file.damaged(`there is no grain ${grain} at sector ${sector}`);
    }
    const data = await file.bytes(sector * SECTOR_BYTES + GRAIN_HEAD_BYTES, length);
    return await promisify(inflate)(data, { maxOutputLength: PIECE_BYTES }).catch((cause: unknown) => {
      throw file.damaged(`grain ${grain} cannot be decompressed`, cause);
    });
  };

  return {
    sizeBytes: capacity * SECTOR_BYTES,
    close: () => file.close(),
    async read(buffer, positionBytes) {
      for (let at = 0; at < buffer.length; ) {
        const inGrain = (positionBytes + at) % PIECE_BYTES;
        const grain = (positionBytes + at - inGrain) / PIECE_BYTES;
        const wanted = buffer.subarray(at, at + PIECE_BYTES - inGrain);
        const sector = await entryOf(grain);
        // 1 stands for a grain of zeros.
        const data = sector <= 1 ? undefined : await grainAt(grain, sector);
        if (data && data.length < inGrain + wanted.length) throw file.damaged(`grain ${grain} is too short`);
        if (data) data.copy(wanted, 0, inGrain);
        else wanted.fill(0);
        at += wanted.length;
      }
    },
  };
}

async function headerAt(file: ImageFileReader, positionBytes: number) {
  const bytes = await file.bytes(positionBytes, SECTOR_BYTES);
  const capacity = Number(bytes.readBigUInt64LE(12));
  const isOurs =
    bytes.readUInt32LE(0) === VMDK_MAGIC &&
    (bytes.readUInt32LE(8) & COMPRESSED_WITH_MARKERS) === COMPRESSED_WITH_MARKERS &&
    capacity <= MAX_CAPACITY_SECTORS &&
    bytes.readBigUInt64LE(20) === BigInt(PIECE_BYTES / SECTOR_BYTES) &&
    bytes.readUInt32LE(44) === TABLE_ENTRIES;
  if (!isOurs) throw file.damaged('it is no streamOptimized VMDK with grains of 64 KiB');
  return { capacity, directoryAt: bytes.readBigUInt64LE(56) };
}
