import type { ContentHash } from '../ports/images.ts';
import { SECTOR_BYTES } from './image-sink.ts';

/** How the content lies in files: the words of VMware's "Virtual Disk Format" 5.0. */
export type VmdkKind = 'monolithicFlat' | 'streamOptimized';

const GIB = 1024 ** 3;

/**
 * What the BIOS of a VM is told. VMware's own rule for SCSI disks (KB 1026254): 64 heads and 32 sectors below 1 GiB, 128 and 32
 * up to 2 GiB, 255 and 63 above.
 */
export function geometryOf(sizeBytes: number): {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectors: number;
} {
  const [heads, sectors] = sizeBytes < GIB ? [64, 32] : sizeBytes <= 2 * GIB ? [128, 32] : [255, 63];
  return { cylinders: Math.floor(sizeBytes / SECTOR_BYTES / (heads * sectors)), heads, sectors };
}

/**
 * The text that says what a VMDK is. The content id changes with the content: it is the beginning of its hash. The adapter type is
 * the one that VMware writes for every SCSI controller, the paravirtual one included.
 */
export function vmdkDescriptor(
  kind: VmdkKind,
  {
    sizeBytes,
    extentName,
    contentHash,
  }: { readonly sizeBytes: number; readonly extentName: string; readonly contentHash: ContentHash },
): string {
  const { cylinders, heads, sectors } = geometryOf(sizeBytes);
  const extent = `RW ${sizeBytes / SECTOR_BYTES} ${kind === 'monolithicFlat' ? 'FLAT' : 'SPARSE'} "${quotable(extentName)}"`;
  return [
    '# Disk DescriptorFile',
    'version=1',
    'encoding="UTF-8"',
    `CID=${contentId(contentHash)}`,
    'parentCID=ffffffff',
    `createType="${kind}"`,
    '',
    '# Extent description',
    kind === 'monolithicFlat' ? `${extent} 0` : extent,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.virtualHWVersion = "13"',
    `ddb.geometry.cylinders = "${cylinders}"`,
    `ddb.geometry.heads = "${heads}"`,
    `ddb.geometry.sectors = "${sectors}"`,
    'ddb.adapterType = "lsilogic"',
    '',
  ].join('\n');
}

/** `ffffffff` means "none", `fffffffe` "never written". */
function contentId({ value }: ContentHash): string {
  const id = value.slice(0, 8);
  return id === 'ffffffff' || id === 'fffffffe' ? 'fffffffd' : id;
}

/** The format knows no escape inside of quotes; file names of images are made without such characters. */
function quotable(name: string): string {
  if (/["\\\n\r\0]/.test(name)) throw new TypeError(`a VMDK extent cannot be named ${JSON.stringify(name)}`);
  return name;
}
