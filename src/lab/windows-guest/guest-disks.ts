import type { HelperVolume } from '../../guest/windows/vss-helper-protocol.ts';
import type { BlockDevice } from '../devices/block-device.ts';

export interface GuestDisk {
  /** The disk's serial as the guest reads it: 32 hex digits, `6000c29...` for a virtual disk. */
  readonly uuid: string;
  readonly device: BlockDevice;
  readonly label: string;
  /** Volumes with an extent on this disk; a volume named on several disks spans them. */
  readonly volumes: readonly { readonly mountPoint: string; readonly guid: string }[];
  /** Volumes without a file system that Windows can read: programs may write to them, and VSS does not know them. */
  readonly rawVolumes?: readonly string[];
}

const nameOf = (guid: string): string => `\\\\?\\Volume{${guid}}\\`;

/** Names of those on these disks. */
export const rawVolumesOf = (disks: readonly GuestDisk[]): readonly string[] =>
  disks.flatMap(({ rawVolumes = [] }) => rawVolumes.map(nameOf));

/** All fixed volumes, each with every disk it lies on. */
export function volumesOf(disks: readonly GuestDisk[]): readonly HelperVolume[] {
  const volumes = new Map<string, HelperVolume>();
  for (const disk of disks) {
    for (const { guid, mountPoint } of disk.volumes) {
      const known = volumes.get(guid);
      volumes.set(guid, {
        volume: nameOf(guid),
        mountPoint,
        fileSystem: 'NTFS',
        disks: [...(known?.disks ?? []), disk.uuid],
      });
    }
  }
  return [...volumes.values()];
}
