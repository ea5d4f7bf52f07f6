import { open } from 'node:fs/promises';
import type { OtherVolume, VolumePlace } from '../../../ports/file-systems.ts';
import { placeNameOf } from '../../../ports/place-name.ts';
import { type FoundVolume, lookAtLogicalVolume } from '../volumes.ts';
import { type Assigned, assemble, type Seat } from './assemble.ts';
import { readPhysicalVolume } from './physical-volume.ts';

/** What was found on a disk. */
export interface DiskContent {
  readonly device: string;
  readonly volumes: readonly FoundVolume[];
}

/** What is to be mounted, and what is not, in the order of the disk. */
export type FoundOnDisk = FoundVolume | OtherVolume;

const PHYSICAL_VOLUME = 'LVM2_member';

export const hasPhysicalVolume = ({ volumes }: DiskContent): boolean => volumes.some(isPhysicalVolume);

const isPhysicalVolume = ({ holds, flaw }: FoundVolume): boolean => holds === PHYSICAL_VOLUME && flaw === undefined;

/**
 * The volumes of the disk, each physical volume of LVM followed by the logical volumes on it. LVM itself is not asked: it would have
 * to take hold of the disks, and could not tell apart those of two VMs of one template.
 */
export async function withLogicalVolumes(
  own: DiskContent,
  beside: readonly DiskContent[],
  signal: AbortSignal,
): Promise<readonly FoundOnDisk[]> {
  const seats = await seatsOf(own);
  const others = await Promise.all(beside.map(seatsOf));
  const all = [seats, ...others].flatMap((found) => [...found.values()]);
  const found: FoundOnDisk[] = [];
  const names = new Set<string>();
  for (const volume of own.volumes) {
    if (!isPhysicalVolume(volume)) {
      found.push(volume);
      continue;
    }
    const { partitionType: _, flaw: __, ...place } = volume;
    const seat = seats.get(volume);
    if (seat === undefined) {
      found.push({ ...place, state: 'unreadable', why: 'it is a physical volume of LVM whose label is not sound' });
      continue;
    }
    const { told, volumes } = assemble(seat, all);
    found.push({ ...place, ...told });
    for (const assigned of volumes) {
      const mountName = placeNameOf({ ...place, logicalVolume: assigned.logicalVolume });
      found.push(await lookAt(own.device, place, names.has(mountName) ? { ...assigned, at: TAKEN } : assigned, signal));
      names.add(mountName);
    }
  }
  return found;
}

/** Of two groups of one name that a disk has, both volumes of one name would be mounted at the same place. */
const TAKEN = { state: 'unreadable', why: 'the disk has another logical volume of the same name' } as const;

async function lookAt(
  device: string,
  physical: VolumePlace,
  { logicalVolume, at }: Assigned,
  signal: AbortSignal,
): Promise<FoundOnDisk> {
  const { partition, offsetBytes, sizeBytes } = physical;
  const place = { partition, partitionUuid: undefined, logicalVolume };
  if ('state' in at)
    return { ...place, offsetBytes, sizeBytes, holds: undefined, uuid: undefined, label: undefined, ...at };
  return { ...place, ...at, partitionType: undefined, ...(await lookAtLogicalVolume(device, at, signal)) };
}

async function seatsOf({ device, volumes }: DiskContent): Promise<ReadonlyMap<FoundVolume, Seat>> {
  const file = await open(device, 'r');
  try {
    const seats = new Map<FoundVolume, Seat>();
    for (const volume of volumes.filter(isPhysicalVolume)) {
      const { offsetBytes, sizeBytes } = volume;
      const found = await readPhysicalVolume(async (at, length) => {
        const wanted = Math.max(0, Math.min(length, sizeBytes - at));
        if (wanted === 0) return Buffer.alloc(0);
        const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, offsetBytes + at);
        return buffer.subarray(0, bytesRead);
      });
      if (found) seats.set(volume, { offsetBytes, sizeBytes, volume: found });
    }
    return seats;
  } finally {
    await file.close();
  }
}
