import { crc32 } from 'node:zlib';
import type { BlockDevice } from './block-device.ts';

/** A VMFS volume as it is written on its extents. */
export interface VmfsVolume {
  /** As vCenter shows it: `HostVmfsVolume.uuid`, such as `5f3c2a10-0b7d9e4c-1a2b-000c29a1b2c3`. */
  readonly uuid: string;
  readonly label: string;
  /** Identity of the logical volume below the file system, in the same form. */
  readonly volumeUuid: string;
}

const SECTOR = 512;
const MIB = 1024 * 1024;
const PARTITION_AT = MIB;
/** AA31E02A-400F-11DB-9590-000C2911D1B8 */
const VMFS_PARTITION_TYPE = '2ae031aa0f40db119590000c2911d1b8';
const LVM_AT = 0x100000;
const VOLUME_INFO = 0x200;
const DATA_AT = 0x1100000;
const FILE_SYSTEM_AT = 0x200000;
const LVM_MAGIC = 0xc001d00d;
const FILE_SYSTEM_MAGIC = 0x2fabf15e;

/**
 * Writes partition table and headers on every extent, the file system's descriptor on the first alone. The places are those that
 * published VMFS 5 readers look at; what lies between them is left empty, so nothing can mount it.
 */
export function writeVmfsHeaders(extents: readonly BlockDevice[], volume: VmfsVolume): void {
  extents.forEach((extent, index) => {
    writeGpt(extent, volume, index);
  });
  resignVmfs(extents, volume);
}

/** What stands on one extent of a VMFS volume. */
export interface VmfsExtentHeader {
  readonly volumeUuid: string;
  /** Place among the extents, the head is 0. */
  readonly index: number;
  /** Extents of the whole volume. */
  readonly count: number;
  /** On the head alone. */
  readonly fileSystem: { readonly uuid: string; readonly label: string } | undefined;
}

/** Undefined: there is no VMFS on the device. */
export function readVmfsHeader(device: BlockDevice): VmfsExtentHeader | undefined {
  if (device.sizeBytes < PARTITION_AT + DATA_AT + FILE_SYSTEM_AT + SECTOR) return undefined;
  const header = device.read(PARTITION_AT + LVM_AT, 0x400);
  if (header.readUInt32LE(0) !== LVM_MAGIC) return undefined;
  const index = header.readUInt32LE(VOLUME_INFO + 0x70);
  const descriptor = device.read(PARTITION_AT + DATA_AT + FILE_SYSTEM_AT, SECTOR);
  return {
    volumeUuid: uuidText(header.subarray(VOLUME_INFO + 0x54, VOLUME_INFO + 0x64)),
    index,
    count: header.readUInt32LE(VOLUME_INFO + 0x90),
    fileSystem:
      index === 0 && descriptor.readUInt32LE(0) === FILE_SYSTEM_MAGIC
        ? {
            uuid: uuidText(descriptor.subarray(0x09, 0x19)),
            label: descriptor.toString('utf8', 0x1d, 0x9d).replace(/\0.*$/s, ''),
          }
        : undefined,
  };
}

/** A resignature: new identities and a new label where the old ones stand, the extents in the order of the volume. */
export function resignVmfs(extents: readonly BlockDevice[], volume: VmfsVolume): void {
  extents.forEach((extent, index) => {
    extent.write(PARTITION_AT + LVM_AT, lvmHeader(extent, volume, index, extents.length));
    if (index === 0) extent.write(PARTITION_AT + DATA_AT + FILE_SYSTEM_AT, fileSystemDescriptor(volume));
  });
}

function uuidText(bytes: Buffer): string {
  const word = (at: number) => bytes.readUInt32LE(at).toString(16).padStart(8, '0');
  return [word(0), word(4), bytes.readUInt16LE(8).toString(16).padStart(4, '0'), bytes.toString('hex', 10, 16)].join(
    '-',
  );
}

/** `5f3c2a10-0b7d9e4c-1a2b-000c29a1b2c3`: two words and a half word with the low byte first, six bytes as they are. */
function uuidBytes(uuid: string): Buffer {
  const [first = '', second = '', third = '', last = ''] = uuid.split('-');
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(Number.parseInt(first, 16), 0);
  bytes.writeUInt32LE(Number.parseInt(second, 16), 4);
  bytes.writeUInt16LE(Number.parseInt(third, 16), 8);
  Buffer.from(last, 'hex').copy(bytes, 10);
  return bytes;
}

function lvmHeader(extent: BlockDevice, volume: VmfsVolume, index: number, count: number): Buffer {
  const header = Buffer.alloc(0x400);
  header.writeUInt32LE(LVM_MAGIC, 0x00);
  header.writeUInt32LE(5, 0x04);
  header.writeUInt32LE(SECTOR, 0x5a);
  header.writeBigUInt64LE(BigInt(extent.sizeBytes), 0x5e);
  header.writeBigUInt64LE(BigInt(DATA_AT), 0x7a);
  uuidBytes(volume.volumeUuid.replace(/.$/, String(index % 10))).copy(header, 0x82);
  header.write(volume.volumeUuid, VOLUME_INFO + 0x14, 'latin1');
  uuidBytes(volume.volumeUuid).copy(header, VOLUME_INFO + 0x54);
  header.writeUInt32LE(index, VOLUME_INFO + 0x70);
  header.writeUInt32LE(count, VOLUME_INFO + 0x90);
  return header;
}

function fileSystemDescriptor({ uuid, label, volumeUuid }: VmfsVolume): Buffer {
  const descriptor = Buffer.alloc(0x200);
  descriptor.writeUInt32LE(FILE_SYSTEM_MAGIC, 0x00);
  descriptor.writeUInt32LE(14, 0x04);
  uuidBytes(uuid).copy(descriptor, 0x09);
  descriptor.write(label, 0x1d, 'utf8');
  descriptor.writeBigUInt64LE(BigInt(MIB), 0xa1);
  uuidBytes(volumeUuid).copy(descriptor, 0xb1);
  return descriptor;
}

/** A protective MBR, and a GPT with one partition that fills the device. */
function writeGpt(extent: BlockDevice, { volumeUuid }: VmfsVolume, index: number): void {
  const lastSector = Math.floor(extent.sizeBytes / SECTOR) - 1;
  const mbr = Buffer.alloc(SECTOR);
  mbr[450] = 0xee;
  mbr.writeUInt32LE(1, 454);
  mbr.writeUInt32LE(lastSector, 458);
  mbr.writeUInt16LE(0xaa55, 510);
  const entries = Buffer.alloc(128 * 128);
  Buffer.from(VMFS_PARTITION_TYPE, 'hex').copy(entries, 0);
  uuidBytes(volumeUuid).copy(entries, 16);
  entries.writeBigUInt64LE(BigInt(PARTITION_AT / SECTOR), 32);
  entries.writeBigUInt64LE(BigInt(lastSector - 34), 40);
  const header = Buffer.alloc(SECTOR);
  header.write('EFI PART', 0, 'latin1');
  header.writeUInt32LE(0x10000, 8);
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(BigInt(lastSector), 32);
  header.writeBigUInt64LE(34n, 40);
  header.writeBigUInt64LE(BigInt(lastSector - 34), 48);
  uuidBytes(volumeUuid).copy(header, 56);
  header[71] = index;
  header.writeBigUInt64LE(2n, 72);
  header.writeUInt32LE(128, 80);
  header.writeUInt32LE(128, 84);
  header.writeUInt32LE(crc32(entries), 88);
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
  extent.write(0, Buffer.concat([mbr, header, entries]));
}
