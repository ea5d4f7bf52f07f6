import type { DiskBackingInventory, DiskInventory, SnapshotInventory, VmInventory } from '../inventory.ts';
import { uuidOf } from './existing-files.ts';
import type { SnapshotRecord, VmRecord } from './records.ts';
import { homeDirectory, homePath } from './vm-home.ts';

/** What of a VM stands in its files, its snapshots too: as it is found again when it is registered. */
export function filesOfVm(vm: VmRecord): VmInventory {
  const { guest: _guest, ...spec } = vm.spec;
  const withUuid = (disk: DiskInventory) => ({ ...disk, uuid: uuidOf(vm, disk) });
  const snapshotFile = (snapshot: SnapshotRecord): SnapshotInventory => ({
    ...snapshot.spec,
    disks: snapshot.spec.disks.map(withUuid),
    children: snapshot.children.map(snapshotFile),
  });
  return {
    ...spec,
    name: vm.name,
    vmPathName: homePath(spec),
    disks: spec.disks.map(withUuid),
    snapshots: vm.snapshots.map(snapshotFile),
  };
}

/**
 * The files of a VM on a copy of the datastore that holds its home. Files beside its configuration are named without a path, so
 * that the copy has its own; all others are named by the datastore they were on, and that is the original.
 */
export function filesOnCopy(files: VmInventory, original: string, copy: string): VmInventory {
  const home = homeDirectory(files);
  const moved = (path: string) => `[${copy}]${path.slice(original.length + 2)}`;
  const movedBacking = <Backing extends DiskBackingInventory>(backing: Backing): Backing => {
    const isBeside = 'fileName' in backing && backing.fileName.replace(/\/[^/]*$/, '') === home;
    return {
      ...backing,
      ...(isBeside && 'datastore' in backing ? { datastore: copy, fileName: moved(backing.fileName) } : {}),
      ...('parent' in backing && backing.parent ? { parent: movedBacking(backing.parent) } : {}),
    };
  };
  const movedDisks = (disks: readonly DiskInventory[]) =>
    disks.map((disk) => ({ ...disk, backing: movedBacking(disk.backing) }));
  const movedSnapshot = (snapshot: SnapshotInventory): SnapshotInventory => ({
    ...snapshot,
    disks: movedDisks(snapshot.disks ?? []),
    children: (snapshot.children ?? []).map(movedSnapshot),
  });
  return {
    ...files,
    powerState: 'poweredOff',
    vmPathName: moved(homePath(files)),
    disks: movedDisks(files.disks),
    snapshots: (files.snapshots ?? []).map(movedSnapshot),
  };
}
