import type { Plan, PlannedDevice } from './plan.ts';

/** A target whose file systems are mounted, and the folder of the hand-over directory in which they are. */
export interface MountedDevice {
  readonly device: PlannedDevice;
  readonly folder: string;
}

/** Where the file systems of the disk are, in place of its image. */
export const folderOf = ({ imagePath }: Pick<PlannedDevice, 'imagePath'>): string => imagePath.replace(/\.raw$/, '');

/** None where images are handed over. */
export const mountedDevicesOf = ({ spec, devices }: Pick<Plan, 'spec' | 'devices'>): readonly MountedDevice[] =>
  spec.files ? devices.map((device) => ({ device, folder: folderOf(device) })) : [];
