/**
 * The structures by which Microsoft's software provider (`b5946137-7b9f-4925-af80-51abd60b20d5`) keeps persistent shadow copies inside an
 * NTFS volume, after "Volume Shadow Snapshot (VSS) format" of the libvshadow project: a header in the boot area, a catalog, and for each
 * copy a store with the blocks that were overwritten since. Everything is little-endian and in blocks of 16 KiB. Not made, though Windows
 * makes them: overlays of parts of a block, forwarders, maps of what was not in use, and stores on another volume.
 */
export interface ShadowCopy {
  /** As `vssadmin` and `diskshadow` call it. */
  readonly shadowCopyId: string;
  readonly setId: string;
  /** Of the store that holds it. */
  readonly storeId: string;
  readonly createdAt: Date;
  /**
   * What was in the volume when the copy was made, and was overwritten until the next copy, or until now: 16 KiB each, by place in
   * bytes from the start of the volume, a multiple of 16 KiB.
   */
  readonly overwritten: ReadonlyMap<number, Uint8Array>;
}

/** Bytes to be written to the volume. */
export interface Piece {
  readonly offsetBytes: number;
  readonly data: Uint8Array;
}

export const SHADOW_BLOCK_BYTES = 0x4000;

export const VSS_ID = '3808876b-c176-4e48-b7ae-04046e6cc752';
export const VOLUME_HEADER_OFFSET_BYTES = 0x1e00;
/** Of every block of a catalog or store, and of what it lists. */
export const HEADER_BYTES = 128;
export const ENTRY_BYTES = 128;
export const DESCRIPTOR_BYTES = 32;
const VERSION = 1;
export const RECORD = { volume: 1, catalog: 2, blockList: 3, store: 4, ranges: 5, bitmap: 6 } as const;
/** VSS_CTX_APP_ROLLBACK: persistent, not released by itself, with writers. */
const TYPE = 9;
/** Persistent, no auto-release, differential, auto-recovered. */
const ATTRIBUTES = 0x0042_0009;
const SOFTWARE_PROVIDER = 1;
/** Windows counts in units of 100 ns from 1601 on. */
const EPOCH_MS = 11_644_473_600_000n;
const TICKS_PER_MS = 10_000n;

/** How much room `shadowPieces` needs in the volume, in bytes. */
export const shadowAreaBytes = (volumeBytes: number, copies: readonly ShadowCopy[]): number =>
  SHADOW_BLOCK_BYTES *
  copies.reduce((sum, { overwritten }) => sum + 3 + bitmapBlocks(volumeBytes) + overwritten.size, 1);

/**
 * The pieces that make a volume hold these copies, the oldest first. The area belongs to nobody else, as in Windows, where files in
 * `System Volume Information` hold it. Of each copy one block of descriptors is made: at most 508 overwritten blocks.
 */
export function shadowPieces(
  volume: { readonly volumeId: string; readonly sizeBytes: number; readonly areaOffsetBytes: number },
  copies: readonly ShadowCopy[],
): readonly Piece[] {
  const { volumeId, sizeBytes, areaOffsetBytes: catalogAt } = volume;
  const header = Buffer.alloc(512);
  putGuid(header, 0, VSS_ID);
  header.writeUInt32LE(VERSION, 16);
  header.writeUInt32LE(RECORD.volume, 20);
  putNumber(header, 24, VOLUME_HEADER_OFFSET_BYTES);
  putNumber(header, 32, VOLUME_HEADER_OFFSET_BYTES);
  putNumber(header, 48, catalogAt);
  putGuid(header, 64, volumeId);
  putGuid(header, 80, volumeId);
  const pieces: Piece[] = [{ offsetBytes: VOLUME_HEADER_OFFSET_BYTES, data: header }];
  const catalog = block(RECORD.catalog, 0, catalogAt);
  let storeAt = catalogAt + SHADOW_BLOCK_BYTES;
  for (const [index, copy] of copies.entries()) {
    const store = storePieces(copy, storeAt, sizeBytes);
    putEntries(catalog, HEADER_BYTES + 2 * index * ENTRY_BYTES, { copy, storeAt, sizeBytes, index });
    pieces.push(...store);
    storeAt += store.length * SHADOW_BLOCK_BYTES;
  }
  return [...pieces, { offsetBytes: catalogAt, data: catalog }];
}

const bitmapBlocks = (volumeBytes: number): number =>
  Math.ceil(volumeBytes / SHADOW_BLOCK_BYTES / 8 / (SHADOW_BLOCK_BYTES - HEADER_BYTES));

/** Places in a store, in blocks. */
const BLOCK = { header: 0, list: 1, ranges: 2, bitmap: 3 } as const;

/** What a copy is, and where its store lies. */
function putEntries(
  catalog: Buffer,
  at: number,
  {
    copy: { storeId, createdAt, overwritten },
    storeAt,
    sizeBytes,
    index,
  }: { readonly copy: ShadowCopy; readonly storeAt: number; readonly sizeBytes: number; readonly index: number },
): void {
  const blockAt = (place: number): number => storeAt + place * SHADOW_BLOCK_BYTES;
  putNumber(catalog, at, 2);
  putNumber(catalog, at + 8, sizeBytes);
  putGuid(catalog, at + 16, storeId);
  putNumber(catalog, at + 32, index + 1);
  putNumber(catalog, at + 40, 0x40);
  catalog.writeBigUInt64LE((BigInt(createdAt.getTime()) + EPOCH_MS) * TICKS_PER_MS, at + 48);
  const where = at + ENTRY_BYTES;
  putNumber(catalog, where, 3);
  putNumber(catalog, where + 8, blockAt(BLOCK.list));
  putGuid(catalog, where + 16, storeId);
  putNumber(catalog, where + 32, blockAt(BLOCK.header));
  putNumber(catalog, where + 40, blockAt(BLOCK.ranges));
  putNumber(catalog, where + 48, blockAt(BLOCK.bitmap));
  putNumber(catalog, where + 64, (BLOCK.bitmap + bitmapBlocks(sizeBytes) + overwritten.size) * SHADOW_BLOCK_BYTES);
}

function storePieces(copy: ShadowCopy, storeAt: number, sizeBytes: number): readonly Piece[] {
  const bitmaps = bitmapBlocks(sizeBytes);
  const dataFrom = BLOCK.bitmap + bitmaps;
  const list = block(RECORD.blockList, BLOCK.list, storeAt);
  const ranges = block(RECORD.ranges, BLOCK.ranges, storeAt);
  const data: Uint8Array[] = [];
  for (const [originalOffsetBytes, content] of copy.overwritten) {
    if (content.length !== SHADOW_BLOCK_BYTES || originalOffsetBytes % SHADOW_BLOCK_BYTES !== 0)
      throw new RangeError(`what was at ${originalOffsetBytes} is no block`);
    const descriptor = HEADER_BYTES + data.length * DESCRIPTOR_BYTES;
    const relativeBytes = (dataFrom + data.length) * SHADOW_BLOCK_BYTES;
    putNumber(list, descriptor, originalOffsetBytes);
    putNumber(list, descriptor + 8, relativeBytes);
    putNumber(list, descriptor + 16, storeAt + relativeBytes);
    data.push(content);
  }
  const blocks = [storeHeader(copy, storeAt), list, ranges, ...bitmapsOf(bitmaps, storeAt), ...data];
  putNumber(ranges, HEADER_BYTES, storeAt);
  putNumber(ranges, HEADER_BYTES + 16, blocks.length * SHADOW_BLOCK_BYTES);
  return blocks.map((content, index) => ({ offsetBytes: storeAt + index * SHADOW_BLOCK_BYTES, data: content }));
}

/** No bit is set: everything was in use, and is read from the volume where it was not overwritten. */
const bitmapsOf = (count: number, storeAt: number): readonly Buffer[] =>
  Array.from({ length: count }, (_, index) =>
    block(RECORD.bitmap, BLOCK.bitmap + index, storeAt, index + 1 < count ? BLOCK.bitmap + index + 1 : undefined),
  );

function storeHeader({ shadowCopyId, setId, storeId }: ShadowCopy, storeAt: number): Buffer {
  const header = block(RECORD.store, BLOCK.header, storeAt);
  const machine = Buffer.from('LAB', 'utf16le');
  const information = Buffer.alloc(64);
  putGuid(information, 0, storeId);
  putGuid(information, 16, shadowCopyId);
  putGuid(information, 32, setId);
  information.writeUInt32LE(TYPE, 48);
  information.writeUInt32LE(SOFTWARE_PROVIDER, 52);
  information.writeUInt32LE(ATTRIBUTES, 56);
  const lengthOfMachine = Buffer.from([machine.length, 0]);
  const whole = Buffer.concat([information, lengthOfMachine, machine, lengthOfMachine, machine]);
  putNumber(header, 48, whole.length);
  whole.copy(header, HEADER_BYTES);
  return header;
}

/** An empty block of a catalog or store that lies at `startAt`; `next` is the place of the one that goes on with it. */
function block(record: number, place: number, startAt: number, next?: number): Buffer {
  const made = Buffer.alloc(SHADOW_BLOCK_BYTES);
  putGuid(made, 0, VSS_ID);
  made.writeUInt32LE(VERSION, 16);
  made.writeUInt32LE(record, 20);
  putNumber(made, 24, place * SHADOW_BLOCK_BYTES);
  putNumber(made, 32, startAt + place * SHADOW_BLOCK_BYTES);
  if (next !== undefined) putNumber(made, 40, startAt + next * SHADOW_BLOCK_BYTES);
  return made;
}

const putNumber = (into: Buffer, at: number, value: number): void => void into.writeBigUInt64LE(BigInt(value), at);

/** The first three of its groups are numbers, and so little-endian. */
function putGuid(into: Buffer, at: number, guid: string): void {
  const [first = '', second = '', third = '', ...rest] = guid.split('-');
  into.set(
    [first, second, third].flatMap((group) => [...Buffer.from(group, 'hex').reverse()]),
    at,
  );
  into.set(Buffer.from(rest.join(''), 'hex'), at + 8);
}
