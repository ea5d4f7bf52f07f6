import type { DiskBackingInventory, DiskInventory } from '../inventory.ts';
import type { Model } from '../model/model.ts';
import { allSnapshots } from '../model/model.ts';
import type { VmRecord } from '../model/records.ts';
import { homeDirectory, homePath } from '../model/vm-home.ts';
import { nvramOf, nvramPathOf } from '../model/vm-nvram.ts';
import { type DataObject, data } from '../wire/vim-values.ts';
import { stableHex } from './stable-ids.ts';
import { vmxFile } from './vm-file-contents.ts';

/** `layoutEx`: every file of the VM with its type and size; of each disk the chain, oldest element first. */
export function fileLayout(vm: VmRecord, model: Model): DataObject {
  const files: DataObject[] = [];
  const add = (name: string, type: string, size: number, backingObjectId?: string): number => {
    files.push(
      data('VirtualMachineFileLayoutExFileInfo', {
        key: files.length,
        name,
        type,
        size,
        uniqueSize: size,
        backingObjectId,
        accessible: true,
      }),
    );
    return files.length - 1;
  };
  const { spec } = vm;
  const directory = homeDirectory(spec);
  add(homePath(spec), 'config', vmxFile(vm).length);
  add(`${directory}/${spec.name}.vmsd`, 'snapshotList', 400);
  const nvram = nvramOf(spec);
  if (nvram) add(nvramPathOf(spec), 'nvram', nvram.length);
  const disks = spec.disks.map((disk) => diskLayout(disk, add));
  if (spec.powerState === 'poweredOn') {
    add(`${directory}/${spec.name}-swap.vswp`, 'swap', (spec.memoryMb ?? 4096) * 1024 ** 2, spec.swapStorageObjectId);
  }
  for (const { diskMode, backing } of spec.powerState === 'poweredOn' ? spec.disks : []) {
    if (diskMode !== 'independent_nonpersistent' || !('fileName' in backing)) continue;
    add(`${backing.fileName}-REDO_${stableHex(`${vm.id}/${backing.fileName}`, 6)}`, 'diskExtent', 16 * 1024 ** 2);
  }
  for (const snapshot of allSnapshots(vm)) {
    add(`${directory}/${spec.name}-Snapshot${snapshot.number}.vmsn`, 'snapshotData', 20_000);
  }
  add(`${directory}/vmware.log`, 'log', 250_000);
  return data('VirtualMachineFileLayoutEx', { file: files, disk: disks, snapshot: [], timestamp: model.startedAt });
}

type AddFile = (name: string, type: string, size: number, backingObjectId?: string) => number;

function diskLayout(disk: DiskInventory, add: AddFile): DataObject {
  const chain: DiskBackingInventory[] = [];
  let backing: DiskBackingInventory | undefined = disk.backing;
  while (backing) {
    chain.unshift(backing);
    backing = 'parent' in backing ? backing.parent : undefined;
  }
  return data('VirtualMachineFileLayoutExDiskLayout', {
    key: disk.key,
    chain: chain.map((element) =>
      data('VirtualMachineFileLayoutExDiskUnit', { fileKey: elementFiles(disk, element, add) }),
    ),
  });
}

/** Descriptor and data: a `-flat`, `-delta` or mapping file, or the vVol itself. */
function elementFiles(disk: DiskInventory, element: DiskBackingInventory, add: AddFile): readonly number[] {
  if (element.kind === 'rawDiskVer2') return [add(element.descriptorFileName, 'diskDescriptor', 500)];
  const objectId = element.kind === 'vvol' ? element.backingObjectId : undefined;
  const descriptor = add(
    element.fileName,
    'diskDescriptor',
    element.kind === 'vvol' ? disk.capacityBytes : 500,
    objectId,
  );
  if (element.kind === 'vvol') return [descriptor];
  const delta = 'parent' in element && element.parent !== undefined;
  if (element.kind === 'rdm' && !delta) {
    const suffix = element.compatibilityMode === 'physicalMode' ? 'rdmp' : 'rdm';
    return [descriptor, add(element.fileName.replace(/\.vmdk$/, `-${suffix}.vmdk`), 'diskExtent', disk.capacityBytes)];
  }
  const suffix = delta ? (element.kind === 'seSparse' ? 'sesparse' : 'delta') : 'flat';
  return [descriptor, add(element.fileName.replace(/\.vmdk$/, `-${suffix}.vmdk`), 'diskExtent', disk.capacityBytes)];
}
