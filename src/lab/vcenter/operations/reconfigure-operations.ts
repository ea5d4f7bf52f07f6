import type { ControllerInventory, DiskInventory } from '../inventory.ts';
import { diskControllers, isScsi, unitsOf } from '../model/controllers.ts';
import { type ExistingFile, existingFile, uuidOf } from '../model/existing-files.ts';
import { writerOf } from '../model/file-locks.ts';
import { childrenOf, datastoreNamed, hostsMounting } from '../model/inventory-tree.ts';
import { vmsOf } from '../model/model.ts';
import type { VmRecord } from '../model/records.ts';
import { isAccessibleOn } from '../properties/datastore-properties.ts';
import { refOf } from '../properties/entity-properties.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import type { HotAddedDisk } from '../storage-side.ts';
import { dataListOf, dataOf, optionalDataOf, optionalIntOf, optionalTextOf, textOf } from '../wire/fields.ts';
import { invalidArgument, VimFault } from '../wire/vim-fault.ts';
import { type DataObject, isAny } from '../wire/vim-values.ts';
import { refuseWithout } from './object-view.ts';
import { startTask, vmOf } from './vm-tasks.ts';

const RECONFIGURE_MS = 1000;
const MAX_SCSI_CONTROLLERS = 4;
const DISK_MODES: readonly string[] = [
  'persistent',
  'nonpersistent',
  'undoable',
  'independent_persistent',
  'independent_nonpersistent',
  'append',
];
const FIRST_DISK_KEY = 2000;
const SERVED: readonly string[] = ['deviceChange', 'name', 'uuid', 'instanceUuid', 'extraConfig'];

/** Adding and removing existing disks, adding controllers, name, identities and advanced settings; any other change is not served. */
export const reconfigureOperations: Readonly<Record<string, OperationHandler>> = {
  ReconfigVM_Task: (call) => {
    const vm = vmOf(call);
    const spec = dataOf(call.args, 'spec');
    const changes = dataListOf(spec.fields, 'deviceChange');
    const unserved = Object.keys(spec.fields).find((name) => !SERVED.includes(name));
    if (unserved !== undefined) throw notServed(call, `ConfigSpec.${unserved}`);
    const edits = [...changes.map((change, index) => editOf(call, vm, change, index)), settingsEdit(call, vm, spec)];
    return startTask(call, vm, 'VirtualMachine.reconfigure', async () => {
      await call.server.pace.wait(RECONFIGURE_MS);
      // Each change builds on those before it; one that is refused takes them back. A file that was destroyed stays so.
      const before = vm.spec;
      try {
        for (const edit of edits) edit();
      } catch (error) {
        vm.spec = before;
        throw error;
      }
      vm.modifiedAt = new Date();
      tellGuest(call, vm, before.disks);
    });
  },
};

type Edit = () => void;

/** `uuid` is the BIOS's. An advanced setting without a value is removed. */
function settingsEdit(call: Call, vm: VmRecord, { fields }: DataObject): Edit {
  const biosUuid = optionalTextOf(fields, 'uuid');
  const instanceUuid = optionalTextOf(fields, 'instanceUuid');
  const name = optionalTextOf(fields, 'name');
  const options = dataListOf(fields, 'extraConfig');
  if (name !== undefined) refuseWithout(call, 'VirtualMachine.Config.Rename');
  if (biosUuid !== undefined || instanceUuid !== undefined) refuseWithout(call, 'VirtualMachine.Config.Settings');
  if (options.length > 0) refuseWithout(call, 'VirtualMachine.Config.AdvancedConfig');
  return () => {
    const isTaken = vmsOf(call.server.model).some((other) => other !== vm && other.spec.instanceUuid === instanceUuid);
    // Real ones document it as unique; what exactly they answer does not stand anywhere.
    if (isTaken) throw invalidArgument('spec.instanceUuid');
    if (name !== undefined) rename(call, vm, name);
    const extraConfig = new Map(Object.entries(vm.spec.extraConfig ?? {}));
    for (const option of options) {
      const key = textOf(option.fields, 'key');
      const value = option.fields.value;
      if (isAny(value) && typeof value.value === 'string' && value.value !== '') extraConfig.set(key, value.value);
      else extraConfig.delete(key);
    }
    vm.spec = {
      ...vm.spec,
      ...(biosUuid === undefined ? {} : { biosUuid }),
      ...(instanceUuid === undefined ? {} : { instanceUuid }),
      extraConfig: Object.fromEntries(extraConfig),
    };
  };
}

function rename({ server }: Call, vm: VmRecord, name: string): void {
  const siblings = vm.parent ? childrenOf(vm.parent, server.model) : [];
  const holder = siblings.find((sibling) => sibling !== vm && sibling.name === name);
  if (holder) {
    throw new VimFault('DuplicateName', `The name '${name}' already exists.`, { name, object: refOf(holder) });
  }
  vm.name = name;
}

function editOf(call: Call, vm: VmRecord, change: DataObject, index: number): Edit {
  const operation = optionalTextOf(change.fields, 'operation');
  const fileOperation = optionalTextOf(change.fields, 'fileOperation');
  const device = dataOf(change.fields, 'device');
  if (device.type === 'VirtualDisk' && operation === 'add' && fileOperation === undefined) {
    refuseWithout(call, 'VirtualMachine.Config.AddExistingDisk');
    return () => addDisk(call, vm, device, index);
  }
  if (device.type === 'VirtualDisk' && operation === 'remove' && fileOperation !== 'create') {
    refuseWithout(call, 'VirtualMachine.Config.RemoveDisk');
    return () => removeDisk(call, vm, device, index, fileOperation === 'destroy');
  }
  if (device.type.endsWith('Controller') && operation === 'add') {
    refuseWithout(call, 'VirtualMachine.Config.AddRemoveDevice');
    return () => addController(call, vm, device, index);
  }
  throw notServed(call, `deviceChange ${operation} ${device.type}`);
}

function notServed(call: Call, what: string): VimFault {
  call.server.events.add('vcenter', 'unserved', call.operation, call.receiver.id, { what });
  return new VimFault('NotSupported', 'The operation is not supported on the object.');
}

function addDisk(call: Call, vm: VmRecord, device: DataObject, index: number): void {
  const backing = optionalDataOf(device.fields, 'backing');
  if (backing?.type !== 'VirtualDiskFlatVer2BackingInfo') {
    throw new VimFault('InvalidDeviceBacking', `Invalid backing for device '${index}'.`, {
      property: `configSpec.deviceChange[${index}].device.backing`,
      deviceIndex: index,
    });
  }
  const path = textOf(backing.fields, 'fileName');
  const diskMode = textOf(backing.fields, 'diskMode');
  if (!DISK_MODES.includes(diskMode)) throw invalidDevice(index);
  const controllerKey = optionalIntOf(device.fields, 'controllerKey');
  const controller = scsiControllerOf(vm, controllerKey, index);
  const unitNumber = freeUnit(vm, controller, optionalIntOf(device.fields, 'unitNumber'), index);
  const file = openFile(call, vm, path);
  if (diskMode === 'independent_nonpersistent') requireRoomForRedoLog(vm, path);
  const disks = vm.spec.disks;
  const key = firstFree(
    FIRST_DISK_KEY,
    disks.map((disk) => disk.key),
  );
  const label = `Hard disk ${firstFree(
    1,
    disks.map((disk) => Number(disk.label.replace(/^Hard disk /, ''))),
  )}`;
  const added: DiskInventory = {
    key,
    label,
    controllerKey: controller.key,
    unitNumber,
    capacityBytes: file.capacityBytes,
    uuid: file.uuid,
    diskMode,
    backing: file.backing,
  };
  vm.spec = { ...vm.spec, disks: [...disks, added] };
}

/** Running VMs take new disks on SCSI controllers only. */
function scsiControllerOf(vm: VmRecord, key: number | undefined, index: number): ControllerInventory {
  const controller = diskControllers(vm.spec, vm.spec.disks).find((one) => one.key === key);
  if (!controller) {
    throw new VimFault('InvalidController', `Invalid controller for device '${index}'.`, {
      property: `configSpec.deviceChange[${index}].device.controllerKey`,
      deviceIndex: index,
      controllerKey: key ?? 0,
    });
  }
  if (!isScsi(controller)) throw invalidDevice(index);
  return controller;
}

function freeUnit(vm: VmRecord, controller: ControllerInventory, wanted: number | undefined, index: number): number {
  const taken = vm.spec.disks.filter(({ controllerKey }) => controllerKey === controller.key);
  const free = unitsOf(controller, vm.spec.version).filter(
    (unit) => !taken.some(({ unitNumber }) => unitNumber === unit),
  );
  const [first] = free;
  if (first === undefined) {
    throw new VimFault('TooManyDevices', 'The maximum number of devices for this controller has been exceeded.', {
      property: `configSpec.deviceChange[${index}].device`,
    });
  }
  if (wanted === undefined) return first;
  if (!free.includes(wanted)) throw invalidDevice(index);
  return wanted;
}

function invalidDevice(index: number): VimFault {
  return new VimFault('InvalidDeviceSpec', `Invalid configuration for device '${index}'.`, {
    property: `configSpec.deviceChange[${index}].device`,
    deviceIndex: index,
  });
}

function openFile({ server }: Call, vm: VmRecord, path: string): ExistingFile {
  const datastore = datastoreNamed(/^\[(.*?)\]/.exec(path)?.[1] ?? '', vm);
  const file = existingFile(server.model, vm, path);
  if (!datastore || !file) throw new VimFault('FileNotFound', `File ${path} was not found`, { file: path });
  if (!hostsMounting(datastore).includes(vm.host) || !isAccessibleOn(vm.host, datastore)) {
    throw new VimFault('CannotAccessFile', `Unable to access file ${path}`, { file: path });
  }
  const isOwn = vm.spec.disks.some(({ backing }) => 'fileName' in backing && backing.fileName === path);
  if (isOwn || writerOf(server.model, path, vm)) {
    throw new VimFault('FileLocked', `Unable to access file ${path} since it is locked`, { file: path });
  }
  return file;
}

/** What a running VM writes to a non-persistent disk goes to a file beside the disk. */
function requireRoomForRedoLog(vm: VmRecord, path: string): void {
  if (vm.spec.powerState !== 'poweredOn') return;
  const name = /^\[(.*?)\]/.exec(path)?.[1] ?? '';
  const datastore = datastoreNamed(name, vm);
  if (datastore?.spec.freeBytes !== 0) return;
  throw new VimFault('NoDiskSpace', `Insufficient disk space on datastore '${name}'.`, { file: path, datastore: name });
}

function removeDisk(call: Call, vm: VmRecord, device: DataObject, index: number, destroy: boolean): void {
  const key = optionalIntOf(device.fields, 'key');
  const disk = vm.spec.disks.find((one) => one.key === key);
  if (!disk) throw invalidDevice(index);
  vm.spec = { ...vm.spec, disks: vm.spec.disks.filter((one) => one !== disk) };
  if (!destroy) return;
  if (disk.backing.kind === 'vvol') call.server.volumes.remove(disk.backing.backingObjectId);
  call.server.events.add('vcenter', 'effect', 'destroy-disk', vm.name, { file: disk.backing });
}

function addController(call: Call, vm: VmRecord, device: DataObject, index: number): void {
  const type = CONTROLLER_TYPES.find((one) => one === device.type);
  if (type === undefined) throw notServed(call, `adding ${device.type}`);
  const controllers = diskControllers(vm.spec, vm.spec.disks).filter(isScsi);
  if (controllers.length >= MAX_SCSI_CONTROLLERS) {
    throw new VimFault('TooManyDevices', 'The maximum number of SCSI controllers has been exceeded.', {
      property: `configSpec.deviceChange[${index}].device`,
    });
  }
  const key = firstFree(
    1000,
    controllers.map((controller) => controller.key),
  );
  vm.spec = { ...vm.spec, controllers: [...(vm.spec.controllers ?? []), { key, type }] };
}

const CONTROLLER_TYPES = [
  'ParaVirtualSCSIController',
  'VirtualLsiLogicController',
  'VirtualLsiLogicSASController',
  'VirtualBusLogicController',
] as const;

function firstFree(from: number, taken: readonly number[]): number {
  for (let number = from; ; number += 1) if (!taken.includes(number)) return number;
}

/** The guest tells disks apart by their serial, which it is shown only where the VM says so. */
function tellGuest({ server }: Call, vm: VmRecord, before: readonly DiskInventory[]): void {
  if (vm.spec.powerState !== 'poweredOn' || vm.spec.diskUuidEnabled === false) return;
  const shown = (disk: DiskInventory): HotAddedDisk => ({
    uuid: uuidOf(vm, disk),
    objectId: disk.backing.kind === 'vvol' ? disk.backing.backingObjectId : undefined,
    capacityBytes: disk.capacityBytes,
  });
  const after = vm.spec.disks;
  for (const disk of before) {
    if (!after.some(({ key }) => key === disk.key)) server.hotPlug.vanished(vm.name, shown(disk));
  }
  for (const disk of after) {
    if (!before.some(({ key }) => key === disk.key)) server.hotPlug.appeared(vm.name, shown(disk));
  }
}
