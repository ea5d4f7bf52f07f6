import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type DiskLayout, type LabPartition, readBytes } from './disk-layout.ts';

const SECTOR_BYTES = 512;
/**
 * In a volume, behind its boot sectors. Windows itself writes to logs and tables that no volume of the lab has: that something changes
 * is as it is there, and the place is the lab's own.
 */
export const MOUNT_RECORD = { offsetBytes: 16 * SECTOR_BYTES, sizeBytes: SECTOR_BYTES } as const;

/** What Windows writes to a volume unasked while it is mounted and can be written. It is never twice the same. */
export function writeMountRecord(file: string, { fileSystem, offsetBytes }: LabPartition): void {
  if (fileSystem === '') return;
  write(file, offsetBytes + MOUNT_RECORD.offsetBytes, randomBytes(MOUNT_RECORD.sizeBytes));
}

/** Of the volume as it was before that, at every place: what is overwritten volsnap keeps for the copies in it. */
export function readerOfUnwritten(
  file: string,
  { offsetBytes: volumeAt }: LabPartition,
): (offsetBytes: number, lengthBytes: number) => Buffer {
  const { offsetBytes: from, sizeBytes } = MOUNT_RECORD;
  const kept = readBytes(file, volumeAt + from, sizeBytes);
  return (offsetBytes, lengthBytes) => {
    const found = readBytes(file, volumeAt + offsetBytes, lengthBytes);
    const start = Math.max(from, offsetBytes);
    const end = Math.min(from + sizeBytes, offsetBytes + lengthBytes);
    if (start < end) kept.copy(found, start - offsetBytes, start - from, end - from);
    return found;
  };
}

/** Gives the disk another identity: a new signature in its MBR, or a new GUID in both headers of its GPT. */
export function writeNewSignature(file: string, { signature }: DiskLayout): void {
  if (signature?.startsWith('{')) writeNewGuid(file);
  else write(file, 440, randomBytes(4));
}

/** The backup's place is told at 32, the GUID is at 56; both headers have a checksum at 16 over as many bytes as 12 tells. */
function writeNewGuid(file: string): void {
  const guid = randomBytes(16);
  const backupSector = Number(readBytes(file, SECTOR_BYTES, SECTOR_BYTES).readBigUInt64LE(32));
  for (const at of [SECTOR_BYTES, backupSector * SECTOR_BYTES]) {
    const header = readBytes(file, at, SECTOR_BYTES);
    if (header.toString('latin1', 0, 8) !== 'EFI PART') continue;
    guid.copy(header, 56);
    header.writeUInt32LE(0, 16);
    header.writeUInt32LE(crc32(header.subarray(0, header.readUInt32LE(12))), 16);
    write(file, at, header);
  }
}

function write(file: string, offsetBytes: number, data: Buffer): void {
  const descriptor = openSync(file, 'r+');
  try {
    writeSync(descriptor, data, 0, data.length, offsetBytes);
  } finally {
    closeSync(descriptor);
  }
}
