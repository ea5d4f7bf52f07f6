import type { DiskBackingInventory, DiskInventory } from '../inventory.ts';
import { stableDiskUuid } from '../properties/stable-ids.ts';
import { chainOf, fileOf } from './disk-chains.ts';
import { datacenterOf } from './inventory-tree.ts';
import { allSnapshots, type Model, vmsOf } from './model.ts';
import type { VmRecord } from './records.ts';

export interface ExistingFile {
  readonly backing: DiskBackingInventory;
  readonly capacityBytes: number;
  /** Guest-visible; the same along a chain. */
  readonly uuid: string;
}

/** The disk file of that path in the VM's datacenter: present ones of all VMs, and those of their snapshots. */
export function existingFile(model: Model, near: VmRecord, path: string): ExistingFile | undefined {
  for (const vm of vmsOf(model)) {
    if (datacenterOf(vm) !== datacenterOf(near)) continue;
    // Snapshots first: their element of a vVol names the snapshot volume and not the one in use.
    const disks = [...allSnapshots(vm).flatMap(({ spec }) => spec.disks), ...vm.spec.disks];
    for (const disk of disks) {
      const backing = chainOf(disk.backing).find((element) => fileOf(element) === path);
      if (backing) return { backing, capacityBytes: disk.capacityBytes, uuid: uuidOf(vm, disk) };
    }
  }
  return undefined;
}

export function uuidOf(vm: VmRecord, disk: DiskInventory): string {
  return disk.uuid ?? stableDiskUuid(`${vm.spec.instanceUuid}/${disk.key}`);
}
