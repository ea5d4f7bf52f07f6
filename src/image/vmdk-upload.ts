import { promisify } from 'node:util';
import { deflate } from 'node:zlib';

const compress = promisify(deflate);

/** Layout of a streamOptimized VMDK (VMware Virtual Disk Format 5.0): every number little endian, every part whole sectors. */
const SECTOR_BYTES = 512;
const GRAIN_SECTORS = 128;
/** One compressed piece of the disk. */
export const GRAIN_BYTES = GRAIN_SECTORS * SECTOR_BYTES;
const TABLE_ENTRIES = 512;
const MAGIC = 0x564d444b;
const VERSION = 3;
/** Newlines can be checked; grains are compressed; there are markers. */
const FLAGS = 0x30001;
const DEFLATE = 1;
/** In the first header: the directory stands at the end. */
const AT_END = 0xffff_ffff_ffff_ffffn;
const OVERHEAD_SECTORS = 128;
const DESCRIPTOR_SECTORS = 20;
/** Fast: the network is mostly quicker than the compression. */
const LEVEL = 1;
const MARKER = { endOfStream: 0, table: 1, directory: 2, footer: 3 } as const;

/**
 * Yields a disk as streamOptimized VMDK. `grains` are its bytes in order, `GRAIN_BYTES` each, the last one maybe shorter; grains of
 * zeros are left out. `capacityBytes` is a multiple of a sector. What `grains` throws at its end keeps the end of the stream back.
 */
export async function* vmdkForUpload(
  capacityBytes: number,
  grains: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (capacityBytes % SECTOR_BYTES !== 0) throw new TypeError(`${capacityBytes} bytes are no whole sectors`);
  const capacity = capacityBytes / SECTOR_BYTES;
  const tables: number[] = [];
  let at = OVERHEAD_SECTORS;
  const placed = (part: Buffer): Buffer => {
    at += part.length / SECTOR_BYTES;
    return part;
  };
  yield overhead(capacity);
  let table = new Uint32Array(TABLE_ENTRIES);
  let index = 0;
  const endTable = (): readonly Buffer[] => {
    if (table.every((entry) => entry === 0)) {
      tables.push(0);
      return [];
    }
    const parts = [placed(marker(MARKER.table, TABLE_ENTRIES * 4))];
    tables.push(at);
    parts.push(placed(wholeSectors(littleEndian(table))));
    table = new Uint32Array(TABLE_ENTRIES);
    return parts;
  };
  for await (const grain of grains) {
    if (!isZero(grain)) {
      const whole = grain.length === GRAIN_BYTES ? grain : Buffer.concat([grain], GRAIN_BYTES);
      table[index % TABLE_ENTRIES] = at;
      yield placed(grainPart(index * GRAIN_SECTORS, await compress(whole, { level: LEVEL })));
    }
    index += 1;
    if (index % TABLE_ENTRIES === 0) yield* endTable();
  }
  if (index % TABLE_ENTRIES !== 0) yield* endTable();
  const directory = wholeSectors(littleEndian(Uint32Array.from(tables)));
  yield placed(marker(MARKER.directory, directory.length));
  const directoryAt = at;
  yield placed(directory);
  yield placed(marker(MARKER.footer, SECTOR_BYTES));
  yield placed(header(capacity, BigInt(directoryAt)));
  yield placed(marker(MARKER.endOfStream, 0));
}

const ZEROS = Buffer.alloc(GRAIN_BYTES);

const isZero = (grain: Uint8Array): boolean => ZEROS.subarray(0, grain.length).equals(grain);

function header(capacity: number, directoryAt: bigint): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.writeUInt32LE(MAGIC, 0);
  sector.writeUInt32LE(VERSION, 4);
  sector.writeUInt32LE(FLAGS, 8);
  sector.writeBigUInt64LE(BigInt(capacity), 12);
  sector.writeBigUInt64LE(BigInt(GRAIN_SECTORS), 20);
  sector.writeBigUInt64LE(1n, 28);
  sector.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTORS), 36);
  sector.writeUInt32LE(TABLE_ENTRIES, 44);
  sector.writeBigUInt64LE(directoryAt, 56);
  sector.writeBigUInt64LE(BigInt(OVERHEAD_SECTORS), 64);
  sector.write('\n \r\n', 73, 'latin1');
  sector.writeUInt16LE(DEFLATE, 77);
  return sector;
}

function overhead(capacity: number): Buffer {
  const descriptor = [
    '# Disk DescriptorFile',
    'version=1',
    'CID=fffffffe',
    'parentCID=ffffffff',
    'createType="streamOptimized"',
    '',
    '# Extent description',
    `RDONLY ${capacity} SPARSE "disk.vmdk"`,
    '',
    '# The Disk Data Base',
    'ddb.virtualHWVersion = "4"',
    `ddb.geometry.cylinders = "${Math.min(16383, Math.ceil(capacity / (255 * 63)))}"`,
    'ddb.geometry.heads = "255"',
    'ddb.geometry.sectors = "63"',
    'ddb.adapterType = "lsilogic"',
    '',
  ].join('\n');
  return Buffer.concat([header(capacity, AT_END), Buffer.from(descriptor, 'latin1')], OVERHEAD_SECTORS * SECTOR_BYTES);
}

/** First sector of the piece, length, and the compressed bytes right behind them. */
function grainPart(firstSector: number, compressed: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(firstSector), 0);
  head.writeUInt32LE(compressed.length, 8);
  return wholeSectors(Buffer.concat([head, compressed]));
}

function marker(type: number, sizeBytes: number): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.writeBigUInt64LE(BigInt(Math.ceil(sizeBytes / SECTOR_BYTES)), 0);
  sector.writeUInt32LE(type, 12);
  return sector;
}

function littleEndian(entries: Uint32Array): Buffer {
  const bytes = Buffer.alloc(entries.length * 4);
  entries.forEach((entry, index) => {
    bytes.writeUInt32LE(entry, index * 4);
  });
  return bytes;
}

const wholeSectors = (part: Buffer): Buffer =>
  part.length % SECTOR_BYTES === 0 ? part : Buffer.concat([part], Math.ceil(part.length / SECTOR_BYTES) * SECTOR_BYTES);
