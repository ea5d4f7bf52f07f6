import { inflateSync } from 'node:zlib';

/**
 * Reader of VMDK files as an import takes them: `streamOptimized`, nothing else. Strict: every marker, table and number of the file
 * is compared with what it stands for. Source: VMware Virtual Disk Format 5.0.
 */

const SECTOR = 512;
const KDMV = 0x564d444b;
const GD_AT_END = 0xffffffffffffffffn;

export interface ImportedDisk {
  readonly capacityBytes: number;
  /** Pieces that are not left out, in the order of the file. */
  readonly pieces: readonly { readonly atBytes: number; readonly bytes: Buffer }[];
}

interface Head {
  readonly capacity: number;
  readonly grainSize: number;
  readonly entries: number;
  readonly directory: bigint;
  readonly overHead: number;
}

/** Throws an error that says what is wrong. */
export function parseStreamVmdk(file: Buffer): ImportedDisk {
  if (file.length % SECTOR !== 0) throw new Error(`${file.length} bytes are no whole sectors: the file is cut off`);
  const first = headAt(file, 0);
  if (first.directory !== GD_AT_END) throw new Error('the directory of a stream stands at its end');
  checkDescriptor(file, first);
  const grainBytes = first.grainSize * SECTOR;
  const pieces: { atBytes: number; bytes: Buffer }[] = [];
  const seen = new Map<number, number>();
  const tables: { readonly at: number; readonly entries: readonly number[] }[] = [];
  let directory: { readonly at: number; readonly entries: readonly number[] } | undefined;
  let footer: Head | undefined;
  for (let at = first.overHead; ; ) {
    const marker = sectorAt(file, at);
    const value = Number(marker.readBigUInt64LE(0));
    const size = marker.readUInt32LE(8);
    if (size > 0) {
      if (directory || footer) throw new Error(`a grain follows the directory, at sector ${at}`);
      if (value % first.grainSize !== 0 || value >= first.capacity) throw new Error(`a grain for sector ${value}`);
      if (seen.has(value)) throw new Error(`two grains for sector ${value}`);
      const packed = file.subarray(at * SECTOR + 12, at * SECTOR + 12 + size);
      if (packed.length < size) throw new Error('the file ends in a grain');
      const bytes = inflateSync(packed);
      if (bytes.length !== grainBytes) throw new Error(`a grain of ${bytes.length} bytes`);
      seen.set(value, at);
      const inside = Math.min(grainBytes, first.capacity * SECTOR - value * SECTOR);
      if (bytes.subarray(inside).some((byte) => byte !== 0)) throw new Error('a grain reaches beyond the disk');
      pieces.push({ atBytes: value * SECTOR, bytes: bytes.subarray(0, inside) });
      at += Math.ceil((12 + size) / SECTOR);
      continue;
    }
    const type = marker.readUInt32LE(12);
    const body = at + 1;
    if (type === 0) {
      if (value !== 0 || !footer) throw new Error(`an end of stream ${footer ? 'with a body' : 'before the footer'}`);
      if (body * SECTOR !== file.length) throw new Error('the file goes on behind its end');
      break;
    }
    if (type === 1) tables.push({ at: body, entries: numbersAt(file, body, value, first.entries) });
    else if (type === 2) directory = { at: body, entries: numbersAt(file, body, value, directorySize(first)) };
    else if (type === 3 && value === 1) footer = headAt(file, body);
    else throw new Error(`a marker of type ${type} with ${value} sectors at sector ${at}`);
    at = body + value;
  }
  if (!directory || footer?.directory !== BigInt(directory.at))
    throw new Error('the footer does not lead to the directory');
  if (footer.capacity !== first.capacity || footer.grainSize !== first.grainSize)
    throw new Error('header and footer differ');
  checkTables(first, directory.entries, tables, seen);
  return { capacityBytes: first.capacity * SECTOR, pieces };
}

const directorySize = ({ capacity, grainSize, entries }: Head): number => Math.ceil(capacity / (grainSize * entries));

/** Every table that the directory names is there, and its entries are the grains of its stretch of the disk, no more and no less. */
function checkTables(
  head: Head,
  directory: readonly number[],
  tables: readonly { readonly at: number; readonly entries: readonly number[] }[],
  seen: ReadonlyMap<number, number>,
): void {
  const named = new Set(directory.filter((entry) => entry !== 0));
  if (named.size !== tables.length) throw new Error(`the directory names ${named.size} of ${tables.length} tables`);
  let grains = 0;
  for (const [place, entry] of directory.entries()) {
    const table = tables.find(({ at }) => at === entry);
    if (entry !== 0 && !table) throw new Error(`there is no table at sector ${entry}`);
    for (const [index, at] of (table?.entries ?? []).entries()) {
      if (at === 0) continue;
      const sector = (place * head.entries + index) * head.grainSize;
      if (seen.get(sector) !== at) throw new Error(`the table leads to sector ${at} for the grain of sector ${sector}`);
      grains += 1;
    }
  }
  if (grains !== seen.size) throw new Error(`the tables name ${grains} of ${seen.size} grains`);
}

function headAt(file: Buffer, sector: number): Head {
  const head = sectorAt(file, sector);
  if (head.readUInt32LE(0) !== KDMV) throw new Error(`no VMDK header at sector ${sector}`);
  const version = head.readUInt32LE(4);
  const flags = head.readUInt32LE(8);
  if (version !== 3 || (flags & 0x30000) !== 0x30000) throw new Error(`VMDK version ${version}, flags ${flags}`);
  if (head.readUInt16LE(77) !== 1) throw new Error('its grains are not deflated');
  if (head.toString('latin1', 73, 77) !== '\n \r\n') throw new Error('its line ends were changed on the way');
  return {
    capacity: Number(head.readBigUInt64LE(12)),
    grainSize: Number(head.readBigUInt64LE(20)),
    entries: head.readUInt32LE(44),
    directory: head.readBigUInt64LE(56),
    overHead: Number(head.readBigUInt64LE(64)),
  };
}

function checkDescriptor(file: Buffer, { capacity }: Head): void {
  const at = Number(file.readBigUInt64LE(28)) * SECTOR;
  const text = file.toString('latin1', at, at + Number(file.readBigUInt64LE(36)) * SECTOR).replace(/\0.*$/s, '');
  if (!/^createType="streamOptimized"$/m.test(text)) throw new Error('its descriptor is not of a stream');
  if (!new RegExp(`^(?:RW|RDONLY) ${capacity} SPARSE `, 'm').test(text))
    throw new Error('its descriptor tells another size');
}

function numbersAt(file: Buffer, sector: number, sectors: number, count: number): readonly number[] {
  if (sectors !== Math.ceil((count * 4) / SECTOR))
    throw new Error(`a table of ${sectors} sectors for ${count} entries`);
  const bytes = file.subarray(sector * SECTOR, sector * SECTOR + count * 4);
  if (bytes.length < count * 4) throw new Error('the file ends in a table');
  return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(index * 4));
}

function sectorAt(file: Buffer, sector: number): Buffer {
  const bytes = file.subarray(sector * SECTOR, (sector + 1) * SECTOR);
  if (bytes.length < SECTOR) throw new Error(`the file ends before sector ${sector}`);
  return bytes;
}
