import { allSnapshots, type Model } from './model.ts';
import type { VmRecord } from './records.ts';

/** Takes a VM and its snapshots out of the inventory. */
export function removeVm(model: Model, vm: VmRecord): void {
  if (vm.parent?.type === 'Folder') vm.parent.children.splice(vm.parent.children.indexOf(vm), 1);
  model.entities.delete(vm.id);
  for (const { id } of [vm, ...allSnapshots(vm)]) model.objects.delete(id);
  model.changes.announce();
}
