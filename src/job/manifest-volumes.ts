import type { DeviceId } from '../ports/identity.ts';
import type { Checks } from './content-checks.ts';
import type { Plan } from './plan.ts';
import { guestMountPoints, type VolumeOfDisk } from './restore-map.ts';

/** Which mount came from which disk, partition and file system, and where the guest has it: what a restore needs to know. */
export function fileSystemsOf(plan: Plan, volumes: readonly VolumeOfDisk[]) {
  const inGuest = guestMountPoints(plan, volumes);
  return volumes.map((one) => {
    const { volume, folder } = one;
    return {
      state: volume.state,
      ...(volume.state === 'mounted'
        ? {
            path: volume.path,
            checkedBy: volume.checkedBy,
            shadowCopy: volume.shadowCopy,
            guestMountPoints: inGuest.get(volume) ?? [],
          }
        : { why: volume.why }),
      folder,
      ...whereabouts(plan, one),
    };
  });
}

/** Of images the volumes are looked into and released again: what is told is whether each was found sound. */
export function checksOf(plan: Plan, { files, applications, fileSystems }: Checks) {
  return {
    ...(fileSystems && {
      fileSystems: fileSystems.map((one) => ({ ...verdictOn(plan, one), ...whereabouts(plan, one) })),
    }),
    files,
    applications,
  };
}

function verdictOn({ spec }: Plan, { volume }: VolumeOfDisk) {
  switch (volume.state) {
    case 'no-files':
      return { state: 'no-files', why: volume.why } as const;
    case 'unreadable':
    case 'damaged':
      return { state: 'not-checked', why: volume.why } as const;
    case 'mounted': {
      const { checkedBy, holds } = volume;
      if (checkedBy !== undefined) return { state: 'sound', checkedBy } as const;
      const why = spec.verify?.fileSystems
        ? `no checker of ${holds} can be relied on while its guest writes`
        : 'the job does not ask for it';
      return { state: 'not-checked', why } as const;
    }
  }
}

function whereabouts(plan: Plan, { device, volume }: VolumeOfDisk) {
  const { partition, partitionUuid, logicalVolume, offsetBytes, sizeBytes, holds, uuid, label } = volume;
  return {
    vms: vmsOf(plan, device.device),
    device: device.device,
    target: device.target,
    wwn: device.wwn,
    place: { partition, partitionUuid, logicalVolume, offsetBytes, sizeBytes },
    fileSystem: { kind: holds, uuid, label },
  };
}

/** Whose disks lie on the device. */
export const vmsOf = (plan: Plan, device: DeviceId) =>
  plan.vms.flatMap(({ name, disks }) =>
    disks.filter(({ devices }) => devices.includes(device)).map(({ key, label: disk }) => ({ name, key, disk })),
  );
