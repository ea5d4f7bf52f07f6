import type { DiskSignature, VmfsSignature } from '../ports/proxy.ts';

/** Reads at a byte offset; fewer bytes than asked for at the end of the device. */
export type ReadAt = (offsetBytes: number, lengthBytes: number) => Promise<Buffer>;

const SECTOR_BYTES = 512;
/** Partition type of VMFS: AA31E02A-400F-11DB-9590-000C2911D1B8 as GPT stores it, and its number in an MBR. */
const VMFS_TYPE_GUID = '2ae031aa0f40db119590000c2911d1b8';
const VMFS_TYPE_BYTE = 0xfb;
/** More entries than any tool makes are not read. */
const MAX_ENTRIES = 128;

/**
 * Where VMFS keeps its identities, counted from the start of the partition. Taken from published readers of VMFS 3, 5 and 6
 * (vmfs-tools, util-linux libblkid, dissect.vmfs), which agree. Not confirmed against a device written by ESXi.
 */
const LVM = {
  offset: 0x100000,
  magic: 0xc001d00d,
  majorVersion: 0x04,
  /** Where the file system begins. */
  dataOffset: 0x7a,
  /** VMFS 6: distance of the volume's information. */
  infoOffset: 0xca,
  /** The same before VMFS 6. */
  oldInfoOffset: 0x200,
  volumeUuid: 0x54,
  headerBytes: 0x100,
} as const;
const FILE_SYSTEM = { offset: 0x200000, magic: 0x2fabf15e, uuid: 0x09, headerBytes: 0x40 } as const;
/** Before VMFS 6, where the header does not tell it. */
const OLD_DATA_OFFSET = 0x1100000;

/** What identifies the content of a disk, in the first bytes of it and of its VMFS partition. */
export async function readSignature(read: ReadAt, sizeBytes: number): Promise<DiskSignature> {
  const start = await read(0, 2 * SECTOR_BYTES);
  const { diskId, vmfsAtBytes } = (await readGpt(read, start)) ?? readMbr(start);
  return { diskId, vmfs: vmfsAtBytes === undefined ? undefined : await readVmfs(read, vmfsAtBytes, sizeBytes) };
}

interface PartitionTable {
  readonly diskId: string | undefined;
  readonly vmfsAtBytes: number | undefined;
}

async function readGpt(read: ReadAt, start: Buffer): Promise<PartitionTable | undefined> {
  const header = start.subarray(SECTOR_BYTES);
  if (header.length < SECTOR_BYTES || header.toString('latin1', 0, 8) !== 'EFI PART') return undefined;
  const entryBytes = header.readUInt32LE(84);
  const count = Math.min(header.readUInt32LE(80), MAX_ENTRIES);
  const diskId = `gpt:${guidText(header.subarray(56, 72))}`;
  if (entryBytes < 128 || entryBytes > 4096) return { diskId, vmfsAtBytes: undefined };
  const entries = await read(Number(header.readBigUInt64LE(72)) * SECTOR_BYTES, count * entryBytes);
  for (let at = 0; at + 128 <= entries.length; at += entryBytes) {
    if (entries.toString('hex', at, at + 16) === VMFS_TYPE_GUID)
      return { diskId, vmfsAtBytes: Number(entries.readBigUInt64LE(at + 32)) * SECTOR_BYTES };
  }
  return { diskId, vmfsAtBytes: undefined };
}

function readMbr(start: Buffer): PartitionTable {
  if (start.length < SECTOR_BYTES || start.readUInt16LE(510) !== 0xaa55)
    return { diskId: undefined, vmfsAtBytes: undefined };
  const diskId = `mbr:${start.readUInt32LE(440).toString(16).padStart(8, '0')}`;
  for (let at = 446; at < 510; at += 16) {
    if (start[at + 4] === VMFS_TYPE_BYTE) return { diskId, vmfsAtBytes: start.readUInt32LE(at + 8) * SECTOR_BYTES };
  }
  return { diskId, vmfsAtBytes: undefined };
}

async function readVmfs(read: ReadAt, partitionAtBytes: number, sizeBytes: number): Promise<VmfsSignature | undefined> {
  const at = partitionAtBytes + LVM.offset;
  const header = await read(at, LVM.headerBytes);
  if (header.length < LVM.headerBytes || header.readUInt32LE(0) !== LVM.magic) return undefined;
  const isNew = header.readUInt32LE(LVM.majorVersion) >= 6;
  const infoAt = at + (isNew ? header.readUInt32LE(LVM.infoOffset) : LVM.oldInfoOffset);
  const volume = await read(infoAt + LVM.volumeUuid, 16);
  if (volume.length < 16) return undefined;
  const told = Number(header.readBigUInt64LE(LVM.dataOffset));
  const dataOffset = told > LVM.offset && told < sizeBytes ? told : OLD_DATA_OFFSET;
  const descriptor = await read(partitionAtBytes + dataOffset + FILE_SYSTEM.offset, FILE_SYSTEM.headerBytes);
  const isHead = descriptor.length === FILE_SYSTEM.headerBytes && descriptor.readUInt32LE(0) === FILE_SYSTEM.magic;
  return {
    volumeUuid: vmfsUuidText(volume),
    fileSystemUuid: isHead ? vmfsUuidText(descriptor.subarray(FILE_SYSTEM.uuid)) : undefined,
  };
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** The first three fields are stored with the low byte first, the last two as they are written. */
const guidText = (bytes: Buffer): string =>
  [
    hex(bytes.readUInt32LE(0), 8),
    hex(bytes.readUInt16LE(4), 4),
    hex(bytes.readUInt16LE(6), 4),
    bytes.toString('hex', 8, 10),
    bytes.toString('hex', 10, 16),
  ].join('-');

/** As vSphere writes it: two numbers of four bytes and one of two, low byte first, and a MAC address. */
const vmfsUuidText = (bytes: Buffer): string =>
  [
    hex(bytes.readUInt32LE(0), 8),
    hex(bytes.readUInt32LE(4), 8),
    hex(bytes.readUInt16LE(8), 4),
    bytes.toString('hex', 10, 16),
  ].join('-');
