import { type FileHandle, open } from 'node:fs/promises';

/** Of the boot sector and FSInfo, as Microsoft's FAT specification (fatgen103) has them; the state is what its note on 0x41 calls dirty. */
const BOOT = {
  bytes: 512,
  sectorBytes: 11,
  clusterSectors: 13,
  reservedSectors: 14,
  tables: 16,
  rootEntries: 17,
  tableSectors: 22,
  tableSectors32: 36,
  rootCluster32: 44,
  infoSector32: 48,
} as const;
/** Of FAT12 and FAT16, and of FAT32, where the number of sectors of a table stands elsewhere. */
const SMALL = { state: 37, label: 43 } as const;
const LARGE = { state: 65, label: 71 } as const;
const DIRTY = 0x01;
const INFO = { signature: 484, value: 0x6141_7272, free: 488 } as const;
const UNKNOWN = 0xffff_ffff;
const ENTRY = { bytes: 32, nameBytes: 11, attributes: 11, label: 0x08, mask: 0x3f, deleted: 0xe5 } as const;
const NO_LABEL = 'NO NAME    ';

/**
 * Sets aside on a copy what fsck.fat counts as a defect and is none: that the file system was mounted, a count of free clusters that is a hint
 * alone, and a label that stands in the root folder, where Windows keeps it, and not in the boot sector.
 */
export async function setFatMarksAside(device: string): Promise<void> {
  const file = await open(device, 'r+');
  try {
    const boot = await readAt(file, 0, BOOT.bytes);
    const sectorBytes = boot.readUInt16LE(BOOT.sectorBytes);
    const isLarge = boot.readUInt16LE(BOOT.tableSectors) === 0;
    const { state, label } = isLarge ? LARGE : SMALL;
    boot.writeUInt8(boot.readUInt8(state) & ~DIRTY, state);
    boot.write(labelIn(await readRoot(file, boot, isLarge)), label, 'latin1');
    await file.write(boot, 0, boot.length, 0);
    if (!isLarge) return;
    const infoAt = boot.readUInt16LE(BOOT.infoSector32) * sectorBytes;
    const info = await readAt(file, infoAt, BOOT.bytes);
    if (infoAt === 0 || info.readUInt32LE(INFO.signature) !== INFO.value) return;
    info.writeUInt32LE(UNKNOWN, INFO.free);
    await file.write(info, 0, info.length, infoAt);
  } finally {
    await file.close();
  }
}

/** The root folder, or of FAT32 its first cluster, in which a label is. */
function readRoot(file: FileHandle, boot: Buffer, isLarge: boolean): Promise<Buffer> {
  const sectorBytes = boot.readUInt16LE(BOOT.sectorBytes);
  const tableSectors = isLarge ? boot.readUInt32LE(BOOT.tableSectors32) : boot.readUInt16LE(BOOT.tableSectors);
  const dataSector = boot.readUInt16LE(BOOT.reservedSectors) + boot.readUInt8(BOOT.tables) * tableSectors;
  const clusterBytes = boot.readUInt8(BOOT.clusterSectors) * sectorBytes;
  return isLarge
    ? readAt(file, dataSector * sectorBytes + (boot.readUInt32LE(BOOT.rootCluster32) - 2) * clusterBytes, clusterBytes)
    : readAt(file, dataSector * sectorBytes, boot.readUInt16LE(BOOT.rootEntries) * ENTRY.bytes);
}

function labelIn(root: Buffer): string {
  for (let at = 0; at + ENTRY.bytes <= root.length && root[at] !== 0; at += ENTRY.bytes) {
    const isLabel = (root.readUInt8(at + ENTRY.attributes) & ENTRY.mask) === ENTRY.label;
    if (isLabel && root[at] !== ENTRY.deleted) return root.toString('latin1', at, at + ENTRY.nameBytes);
  }
  return NO_LABEL;
}

/** Zeros where the device is shorter: what a guest wrote may be anything. */
async function readAt(file: FileHandle, offsetBytes: number, lengthBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(lengthBytes);
  if (offsetBytes >= 0) await file.read(buffer, 0, lengthBytes, offsetBytes);
  return buffer;
}
