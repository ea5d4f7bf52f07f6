import type { DiskBackingInventory, DiskInventory } from '../inventory.ts';

/** Elements of a snapshot chain, the one in use first. */
export function chainOf(backing: DiskBackingInventory): readonly DiskBackingInventory[] {
  const parent = parentOf(backing);
  return parent ? [backing, ...chainOf(parent)] : [backing];
}

export function parentOf(backing: DiskBackingInventory): DiskBackingInventory | undefined {
  return 'parent' in backing ? backing.parent : undefined;
}

/** `[datastore] directory/name.vmdk`; a raw device without mapping file has none. */
export function fileOf(backing: DiskBackingInventory): string | undefined {
  return 'fileName' in backing ? backing.fileName : undefined;
}

export function filesOfDisk(disk: DiskInventory): readonly string[] {
  return chainOf(disk.backing).flatMap((element) => fileOf(element) ?? []);
}

/** Independent disks and physical raw devices are no part of VM snapshots. */
export function isInSnapshots({ backing, diskMode }: DiskInventory): boolean {
  if (diskMode?.startsWith('independent')) return false;
  if (backing.kind === 'rdm') return backing.compatibilityMode === 'virtualMode';
  return backing.kind !== 'rawDiskVer2' && backing.kind !== 'localPMem';
}

/**
 * The chain without the element of this file: what was written above it goes into it, so its file name stays and what is
 * above it vanishes. Of vVols the volume in use stays the one in use (vSphere API: VirtualDisk backing); that its descriptor
 * then has the name of the removed element again is inferred.
 */
export function mergedOut(backing: DiskBackingInventory, file: string): DiskBackingInventory {
  const parent = parentOf(backing);
  if (!parent || !('parent' in backing)) return backing;
  if (fileOf(parent) !== file) return { ...backing, parent: mergedOut(parent, file) };
  const below = parentOf(parent);
  if (backing.kind !== 'vvol') return parent;
  const { parent: _merged, ...kept } = backing;
  return { ...kept, fileName: file, ...(below ? { parent: below } : {}) };
}

/** A new element on top of the chain; `snapshotId` is the volume that holds the point in time of a vVol from now on. */
export function withDelta(
  backing: DiskBackingInventory,
  file: string,
  snapshotId: string | undefined,
): DiskBackingInventory {
  switch (backing.kind) {
    case 'vvol':
      return { ...backing, fileName: file, parent: asSnapshot(backing, snapshotId) };
    case 'vmfs':
    case 'nfs':
    case 'seSparse':
    case 'sparseVer2':
    case 'flatVer1':
    case 'rdm':
      return { ...backing, fileName: file, parent: backing };
    default:
      return backing;
  }
}

/** The element as a snapshot shows it: the data of a vVol are in the snapshot volume. */
export function asSnapshot(backing: DiskBackingInventory, snapshotId: string | undefined): DiskBackingInventory {
  return backing.kind === 'vvol' && snapshotId !== undefined ? { ...backing, backingObjectId: snapshotId } : backing;
}
