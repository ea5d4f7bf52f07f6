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
