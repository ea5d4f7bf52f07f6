import { PIECE_BYTES, SECTOR_BYTES } from './image-sink.ts';

/** Fields of a streamOptimized extent as "Virtual Disk Format" 5.0 of VMware has them; all numbers are little-endian. */
export const VMDK_MAGIC = 0x564d_444b;
export const TABLE_ENTRIES = 512;
export const DESCRIPTOR_SECTORS = 20;
/** Tables and directory have 32 bits for one: 2 TiB. */
export const MAX_SECTOR = 0xffff_ffff;
/** What is before the first grain. */
export const OVERHEAD_SECTORS = 128;
/** In the header: the directory's place is told by the footer. */
export const GD_AT_END = 0xffff_ffff_ffff_ffffn;
export const MARKER = { endOfStream: 0, grainTable: 1, grainDirectory: 2, footer: 3 } as const;

const VERSION = 3;
/** Newline test is valid, grains are compressed, there are markers. */
const FLAGS = 0x0003_0001;
const DEFLATE = 1;

export const grainTablesOf = (capacitySectors: number): number =>
  Math.ceil((capacitySectors * SECTOR_BYTES) / (PIECE_BYTES * TABLE_ENTRIES));

/** One sector that says what the given number of sectors behind it are. */
export function marker(sectors: number, type: number): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.writeBigUInt64LE(BigInt(sectors), 0);
  bytes.writeUInt32LE(type, 12);
  return bytes;
}

/** `SparseExtentHeader`, as header and as footer. */
export function sparseHeader(capacitySectors: number, directorySector: bigint): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.writeUInt32LE(VMDK_MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 4);
  bytes.writeUInt32LE(FLAGS, 8);
  bytes.writeBigUInt64LE(BigInt(capacitySectors), 12);
  bytes.writeBigUInt64LE(BigInt(PIECE_BYTES / SECTOR_BYTES), 20);
  bytes.writeBigUInt64LE(1n, 28);
  bytes.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTORS), 36);
  bytes.writeUInt32LE(TABLE_ENTRIES, 44);
  bytes.writeBigUInt64LE(directorySector, 56);
  bytes.writeBigUInt64LE(BigInt(OVERHEAD_SECTORS), 64);
  bytes.write('\n \r\n', 73, 'latin1');
  bytes.writeUInt16LE(DEFLATE, 77);
  return bytes;
}

/** A grain of the disk as it lies in the extent: its first sector, the length, and the compressed bytes right behind them. */
export function grainRecord(grain: number, compressed: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt((grain * PIECE_BYTES) / SECTOR_BYTES), 0);
  head.writeUInt32LE(compressed.length, 8);
  return padded(Buffer.concat([head, compressed]));
}

/** As tables and directory have their entries. */
export function littleEndian(entries: Uint32Array): Buffer {
  const bytes = Buffer.alloc(entries.length * 4);
  for (const [index, entry] of entries.entries()) bytes.writeUInt32LE(entry, index * 4);
  return bytes;
}

/** Filled up with zeros to whole sectors. */
export function padded(data: Buffer, sectors = Math.ceil(data.length / SECTOR_BYTES)): Buffer {
  const room = sectors * SECTOR_BYTES - data.length;
  if (room < 0) throw new TypeError('does not fit into its sectors');
  return room === 0 ? data : Buffer.concat([data, Buffer.alloc(room)]);
}
