import type { DiskBackingInventory } from '../inventory.ts';
import { datacenterOf } from './inventory-tree.ts';
import { allSnapshots, type Model, vmsOf } from './model.ts';
import type { DatastoreRecord } from './records.ts';

/** Paths name datastores, so they change with a datastore's name. */
export function renameDatastore(model: Model, datastore: DatastoreRecord, name: string): void {
  const before = datastore.name;
  const renamedPath = (path: string): string =>
    path.startsWith(`[${before}]`) ? `[${name}]${path.slice(before.length + 2)}` : path;
  const renamedBacking = <Backing extends DiskBackingInventory>(backing: Backing): Backing => ({
    ...backing,
    ...('datastore' in backing && backing.datastore === before ? { datastore: name } : {}),
    ...('fileName' in backing ? { fileName: renamedPath(backing.fileName) } : {}),
    ...('parent' in backing && backing.parent ? { parent: renamedBacking(backing.parent) } : {}),
  });
  for (const vm of vmsOf(model)) {
    if (datacenterOf(vm) !== datacenterOf(datastore)) continue;
    vm.spec = {
      ...vm.spec,
      ...(vm.spec.vmPathName === undefined ? {} : { vmPathName: renamedPath(vm.spec.vmPathName) }),
      disks: vm.spec.disks.map((disk) => ({ ...disk, backing: renamedBacking(disk.backing) })),
    };
    for (const snapshot of allSnapshots(vm)) {
      const disks = snapshot.spec.disks.map((disk) => ({ ...disk, backing: renamedBacking(disk.backing) }));
      snapshot.spec = { ...snapshot.spec, disks };
    }
  }
  datastore.name = name;
}
