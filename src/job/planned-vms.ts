import type { VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type { DeviceId, InstanceUuid } from '../ports/identity.ts';
import type { Freeze } from './freeze-strategy.ts';
import { layoutOf } from './layout.ts';
import type { PlannedDisk, PlannedVm } from './plan.ts';
import type { SourceDevice } from './sources.ts';
import { mayHoldWritesBack, type VmNote } from './vm-notes.ts';
import { guestAddressOf } from './vms.ts';

/** The VMs of a run and everything that was found out about them. */
export interface DraftVms {
  /** Those of the job, then neighbours: of these with the disks on captured datastores alone. */
  readonly vms: readonly VmRecord[];
  readonly sources: readonly SourceDevice[];
  readonly selectedBy: ReadonlyMap<InstanceUuid, readonly string[]>;
  readonly notes: ReadonlyMap<InstanceUuid, readonly VmNote[]>;
  /** How each VM is frozen. */
  readonly freezes: ReadonlyMap<InstanceUuid, Freeze>;
  /** VMs that are none of the job's own. */
  readonly roles: ReadonlyMap<InstanceUuid, PlannedVm['role']>;
}

export function plannedVms({ vms, selectedBy, notes, freezes, roles, sources }: DraftVms): readonly PlannedVm[] {
  const heldBy = new Map<string, DeviceId[]>();
  for (const { device, disks } of sources) {
    for (const { vm, key } of disks) heldBy.set(`${vm}/${key}`, [...(heldBy.get(`${vm}/${key}`) ?? []), device.id]);
  }
  return vms.map((vm) => ({
    instanceUuid: vm.instanceUuid,
    moRef: vm.moRef,
    name: vm.name,
    address: guestAddressOf(vm),
    ...(freezes.get(vm.instanceUuid) ?? { freeze: 'none' }),
    role: roles.get(vm.instanceUuid) ?? 'selected',
    selectedBy: selectedBy.get(vm.instanceUuid) ?? [],
    changeTracking: vm.condition.changeTracking,
    notes: notes.get(vm.instanceUuid) ?? [],
    layout: layoutOf(vm),
    hardware: vm.hardware,
    disks: vm.disks.map((disk) => ({
      key: disk.key,
      label: disk.label,
      capacityBytes: disk.capacityBytes,
      guestDiskUuid: disk.guestDiskUuid,
      storage: storageOf(disk),
      sharedByWriters: disk.sharedByWriters,
      mayHoldWritesBack: mayHoldWritesBack(disk),
      devices: heldBy.get(`${vm.instanceUuid}/${disk.key}`) ?? [],
    })),
  }));
}

function storageOf({ backing, label }: VirtualDisk): PlannedDisk['storage'] {
  if (backing.kind === 'unsupported' || backing.kind === 'ambiguous')
    throw new TypeError(`disk ${label} was not checked`);
  return backing.kind;
}
