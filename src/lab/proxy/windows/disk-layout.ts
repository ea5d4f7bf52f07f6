import { closeSync, openSync, readSync } from 'node:fs';

const SECTOR_BYTES = 512;

export interface LabPartition {
  readonly number: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** With braces, as Windows writes it; undefined on a disk with an MBR. */
  readonly gptType: string | undefined;
  readonly guid: string | undefined;
  readonly mbrType: number | undefined;
  /** What Windows would call the file system; empty: none that it knows. */
  readonly fileSystem: string;
}

export interface DiskLayout {
  /** What must not be twice among disks that are online: a disk GUID, or the signature of an MBR. Undefined: a disk without a table. */
  readonly signature: string | undefined;
  readonly partitions: readonly LabPartition[];
}

/** What Windows would find on the disk, read from its bytes. */
export function readLayout(file: string): DiskLayout {
  return readDiskLayout((offsetBytes, lengthBytes) => readBytes(file, offsetBytes, lengthBytes));
}

/** Zeros where the file has ended. */
export function readBytes(file: string, offsetBytes: number, lengthBytes: number): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(lengthBytes);
    readSync(descriptor, buffer, 0, lengthBytes, offsetBytes);
    return buffer;
  } finally {
    closeSync(descriptor);
  }
}

/** The same of bytes from anywhere. */
export function readDiskLayout(read: Read): DiskLayout {
  const start = read(0, 2 * SECTOR_BYTES);
  if (start.toString('latin1', SECTOR_BYTES, SECTOR_BYTES + 8) === 'EFI PART') return readGpt(read, start);
  if (start.readUInt16LE(510) !== 0xaa55) return { signature: undefined, partitions: [] };
  return readMbr(read, start);
}

type Read = (offsetBytes: number, lengthBytes: number) => Buffer;

function readGpt(read: Read, start: Buffer): DiskLayout {
  const header = start.subarray(SECTOR_BYTES);
  const entryBytes = header.readUInt32LE(84);
  const entries = read(Number(header.readBigUInt64LE(72)) * SECTOR_BYTES, 128 * entryBytes);
  const partitions: LabPartition[] = [];
  for (let at = 0; at < entries.length; at += entryBytes) {
    const gptType = guidAt(entries, at);
    if (gptType === '{00000000-0000-0000-0000-000000000000}') continue;
    const first = Number(entries.readBigUInt64LE(at + 32));
    const last = Number(entries.readBigUInt64LE(at + 40));
    partitions.push({
      number: partitions.length + 1,
      offsetBytes: first * SECTOR_BYTES,
      sizeBytes: (last - first + 1) * SECTOR_BYTES,
      gptType,
      guid: guidAt(entries, at + 16),
      mbrType: undefined,
      fileSystem: fileSystemAt(read, first * SECTOR_BYTES),
    });
  }
  return { signature: guidAt(header, 56), partitions };
}

function readMbr(read: Read, start: Buffer): DiskLayout {
  const partitions: LabPartition[] = [];
  for (let at = 446; at < 510; at += 16) {
    const mbrType = start[at + 4] ?? 0;
    if (mbrType === 0) continue;
    const offsetBytes = start.readUInt32LE(at + 8) * SECTOR_BYTES;
    const sizeBytes = start.readUInt32LE(at + 12) * SECTOR_BYTES;
    const fileSystem = fileSystemAt(read, offsetBytes);
    const number = partitions.length + 1;
    partitions.push({ number, offsetBytes, sizeBytes, gptType: undefined, guid: undefined, mbrType, fileSystem });
  }
  return { signature: start.toString('hex', 440, 444), partitions };
}

function fileSystemAt(read: Read, offsetBytes: number): string {
  const boot = read(offsetBytes, SECTOR_BYTES);
  if (boot.toString('latin1', 3, 11) === 'NTFS    ') return 'NTFS';
  if (boot.toString('latin1', 3, 7) === 'ReFS') return 'ReFS';
  return boot.toString('latin1', 82, 87) === 'FAT32' ? 'FAT32' : '';
}

/** With braces. */
export function guidAt(bytes: Buffer, at: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const words = [
    hex(bytes.readUInt32LE(at), 8),
    hex(bytes.readUInt16LE(at + 4), 4),
    hex(bytes.readUInt16LE(at + 6), 4),
  ];
  return `{${[...words, bytes.toString('hex', at + 8, at + 10), bytes.toString('hex', at + 10, at + 16)].join('-')}}`;
}
