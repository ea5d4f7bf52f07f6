import { lvmChecksum } from './checksum.ts';

/** Reads that many bytes at an offset of the physical volume, fewer at its end. */
export type ReadAt = (offsetBytes: number, lengthBytes: number) => Promise<Buffer>;

/** What a physical volume says of itself, and the texts in which it describes its volume group. */
export interface PhysicalVolume {
  /** 32 characters, without dashes. */
  readonly uuid: string;
  /** Those that are whole; none where the group keeps them on its other physical volumes. */
  readonly texts: readonly string[];
  /** Metadata areas that could not be read: what stands there is unknown. */
  readonly damagedAreas: number;
  /** Metadata areas in which nothing was ever written. */
  readonly emptyAreas: number;
}

const SECTOR_BYTES = 512;
const LABEL_SECTORS = 4;
const LABEL = { id: 'LABELONE', type: 'LVM2 001', checkedFrom: 20 } as const;
const HEADER_BYTES = 512;
const HEADER = { magic: ' LVM2 x[5A%r0N*>', version: 1, checkedFrom: 4, locations: 40 } as const;
const UUID_LENGTH = 32;
const IGNORED = 1;
/** LVM makes areas of 1 MiB; nothing much larger is taken from a disk that a guest wrote. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

interface Area {
  readonly offset: number;
  readonly size: number;
}

/** Undefined: there is no label of LVM2 with a right checksum. The layout is that of LVM2's `format_text/layout.h` and `label.h`. */
export async function readPhysicalVolume(read: ReadAt): Promise<PhysicalVolume | undefined> {
  const start = await read(0, LABEL_SECTORS * SECTOR_BYTES);
  const label = Array.from({ length: LABEL_SECTORS }, (_, sector) => labelIn(start, sector)).find(
    (found) => found !== undefined,
  );
  if (label === undefined) return undefined;
  const areas: AreaContent[] = [];
  for (const area of metadataAreas(label)) areas.push(await readArea(read, area));
  const count = (kind: AreaContent['kind']) => areas.filter((area) => area.kind === kind).length;
  return {
    uuid: label.toString('latin1', 0, UUID_LENGTH),
    texts: areas.flatMap((area) => (area.kind === 'text' ? [area.text] : [])),
    damagedAreas: count('damaged'),
    emptyAreas: count('empty'),
  };
}

/** The header of the physical volume in that sector. */
function labelIn(start: Buffer, number: number): Buffer | undefined {
  const sector = start.subarray(number * SECTOR_BYTES, (number + 1) * SECTOR_BYTES);
  if (sector.length < SECTOR_BYTES || sector.toString('latin1', 0, 8) !== LABEL.id) return undefined;
  if (sector.toString('latin1', 24, 32) !== LABEL.type || sector.readBigUInt64LE(8) !== BigInt(number))
    return undefined;
  if (sector.readUInt32LE(16) !== lvmChecksum(sector.subarray(LABEL.checkedFrom))) return undefined;
  return sector.subarray(sector.readUInt32LE(20));
}

/** After the id and the size: a list of data areas and one of metadata areas, each ended by an empty entry. */
function metadataAreas(header: Buffer): readonly Area[] {
  const areas: Area[] = [];
  let list = 0;
  for (let at = UUID_LENGTH + 8; at + 16 <= header.length && list < 2; at += 16) {
    const area = areaAt(header, at);
    if (area.offset === 0) list += 1;
    else if (list === 1) areas.push(area);
  }
  return areas;
}

const areaAt = (buffer: Buffer, at: number): Area => ({
  offset: Number(buffer.readBigUInt64LE(at)),
  size: Number(buffer.readBigUInt64LE(at + 8)),
});

/** `ignored`: LVM was told not to use it. */
type AreaContent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'damaged' | 'empty' | 'ignored' };

/** The text goes round in its area, behind the header. */
async function readArea(read: ReadAt, area: Area): Promise<AreaContent> {
  const header = await read(area.offset, HEADER_BYTES);
  if (!isHeader(header, area)) return { kind: 'damaged' };
  const text = areaAt(header, HEADER.locations);
  const checksum = header.readUInt32LE(HEADER.locations + 16);
  const flags = header.readUInt32LE(HEADER.locations + 20);
  if ((flags & IGNORED) !== 0) return { kind: 'ignored' };
  if (text.offset === 0) return { kind: 'empty' };
  if (text.offset < HEADER_BYTES || text.offset >= area.size) return { kind: 'damaged' };
  if (text.size > area.size - HEADER_BYTES || text.size > MAX_TEXT_BYTES) return { kind: 'damaged' };
  const first = Math.min(text.size, area.size - text.offset);
  const bytes = Buffer.concat([
    await read(area.offset + text.offset, first),
    await read(area.offset + HEADER_BYTES, text.size - first),
  ]);
  if (bytes.length !== text.size || lvmChecksum(bytes) !== checksum) return { kind: 'damaged' };
  const end = bytes.indexOf(0);
  return { kind: 'text', text: bytes.toString('utf8', 0, end < 0 ? bytes.length : end) };
}

const isHeader = (header: Buffer, area: Area): boolean =>
  header.length === HEADER_BYTES &&
  header.toString('latin1', 4, 20) === HEADER.magic &&
  header.readUInt32LE(20) === HEADER.version &&
  Number(header.readBigUInt64LE(24)) === area.offset &&
  Number(header.readBigUInt64LE(32)) === area.size &&
  header.readUInt32LE(0) === lvmChecksum(header.subarray(HEADER.checkedFrom));
