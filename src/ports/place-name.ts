import type { VolumePlace } from './file-systems.ts';

/** In the folder of a disk: of all that is on it as a whole, and of what lies in volume groups, whose names their guests gave them. */
export const WHOLE = 'disk';
export const LVM = 'lvm';

/** What a volume is called, and where it is mounted below the folder of its disk. */
export function placeNameOf({ partition, logicalVolume }: VolumePlace): string {
  if (logicalVolume) return `${LVM}/${logicalVolume.group}/${logicalVolume.name}`;
  return partition === undefined ? WHOLE : `part${partition}`;
}
