import type { Plan, PlannedDevice } from './plan.ts';

/** A target whose file systems are mounted by the run, and the folder of the hand-over directory in which they are. */
export interface MountedDevice {
  readonly device: PlannedDevice;
  readonly folder: string;
}

/** Beside the images, for as long as file systems are looked into. */
const CHECK_FOLDER = 'snaphook-check';

/** Where the file systems of the disk are handed over, in place of its image. */
export const folderOf = ({ imagePath }: Pick<PlannedDevice, 'imagePath'>): string => imagePath.replace(/\.[^./]+$/, '');

/** All that are handed over as files; where images are, those that are mounted to be looked into. */
export function mountedDevicesOf({ spec, devices }: Pick<Plan, 'spec' | 'devices'>): readonly MountedDevice[] {
  if (spec.files) return devices.map((device) => ({ device, folder: folderOf(device) }));
  if (!spec.verify) return [];
  return devices.map((device) => ({ device, folder: `${CHECK_FOLDER}/${folderOf(device)}` }));
}
