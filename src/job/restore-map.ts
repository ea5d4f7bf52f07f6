import type { FstabEntry, LogicalVolumeName, MountedVolume, Volume } from '../ports/file-systems.ts';
import type { Plan, PlannedDevice } from './plan.ts';

/** A volume of a target, and the folder of its disk in the hand-over directory. */
export interface VolumeOfDisk {
  readonly device: PlannedDevice;
  readonly folder: string;
  readonly volume: Volume;
}

/** Of each mounted volume, as far as a table that lies on a disk of the same VM tells: where its guest has it. */
export function guestMountPoints(
  plan: Pick<Plan, 'vms'>,
  volumes: readonly VolumeOfDisk[],
): ReadonlyMap<MountedVolume, readonly string[]> {
  const byDevice = new Map<string, MountedVolume[]>();
  for (const { device, volume } of volumes) {
    if (volume.state !== 'mounted') continue;
    const own = byDevice.get(device.device);
    if (own) own.push(volume);
    else byDevice.set(device.device, [volume]);
  }
  const places = new Map<MountedVolume, readonly string[]>();
  for (const vm of plan.vms) {
    const devices = new Set(vm.disks.flatMap((disk) => disk.devices));
    const mounted = [...devices].flatMap((device) => byDevice.get(device) ?? []);
    for (const [volume, found] of placesInGuest(mounted)) {
      places.set(volume, [...new Set(found.map(({ mountPoint }) => mountPoint))].sort());
    }
  }
  return places;
}

/** Where the guest has each of the file systems of one VM, and which part of it, as far as their tables tell. */
export const placesInGuest = (
  volumes: readonly MountedVolume[],
): ReadonlyMap<MountedVolume, readonly Pick<FstabEntry, 'mountPoint' | 'subvolume'>[]> =>
  new Map(
    volumes.map((volume) => [
      volume,
      volumes.flatMap((holder) =>
        holder.fstab.filter(
          ({ source, mountPoint }) => names(source, volume) || (mountPoint === '/' && holder === volume),
        ),
      ),
    ]),
  );

/** Names of devices, such as `/dev/sda1`, tell nothing outside of the guest; those of logical volumes do. */
function names(source: string, { uuid, label, partitionUuid, logicalVolume }: MountedVolume): boolean {
  const equals = source.indexOf('=');
  const value = source.slice(equals + 1);
  const isUuid = (other: string | undefined) => other?.toLowerCase() === value.toLowerCase();
  switch (source.slice(0, Math.max(equals, 0))) {
    case 'UUID':
      return isUuid(uuid);
    case 'PARTUUID':
      return isUuid(partitionUuid);
    case 'LABEL':
      return label === value;
    default:
      return (
        source === `/dev/disk/by-uuid/${uuid}` ||
        source === `/dev/disk/by-label/${label}` ||
        (logicalVolume !== undefined && pathsInGuest(logicalVolume).includes(source))
      );
  }
}

/** lvm(8); the device mapper doubles the dashes in both names. */
function pathsInGuest({ group, name }: LogicalVolumeName): readonly string[] {
  const mapped = [group, name].map((part) => part.replaceAll('-', '--')).join('-');
  return [`/dev/${group}/${name}`, `/dev/mapper/${mapped}`];
}
