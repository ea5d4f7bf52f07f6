import { randomBytes, randomUUID } from 'node:crypto';
import type { AdapterInventory, ControllerInventory, DiskInventory, VmInventory } from '../inventory.ts';
import { SCSI_CONTROLLER_UNIT, unitsOf } from '../model/controllers.ts';
import { datastoreNamed, hostsMounting } from '../model/inventory-tree.ts';
import type { DatastoreRecord, HostRecord } from '../model/records.ts';
import type { Call } from '../server-context.ts';
import { dataListOf, dataOf, flagOf, optionalDataOf, optionalIntOf, optionalTextOf, textOf } from '../wire/fields.ts';
import { invalidArgument, VimFault } from '../wire/vim-fault.ts';
import { type DataObject, type Fields, isAny } from '../wire/vim-values.ts';

const SERVED: readonly string[] = [
  'name',
  'version',
  'uuid',
  'guestId',
  'annotation',
  'files',
  'flags',
  'numCPUs',
  'numCoresPerSocket',
  'memoryMB',
  'deviceChange',
  'extraConfig',
  'bootOptions',
  'firmware',
];
const NEWEST_HARDWARE = 21;
const CONTROLLERS = [
  'ParaVirtualSCSIController',
  'VirtualLsiLogicController',
  'VirtualLsiLogicSASController',
  'VirtualBusLogicController',
  'VirtualAHCIController',
  'VirtualNVMEController',
] as const;
const ADAPTERS = ['VirtualVmxnet3', 'VirtualE1000', 'VirtualE1000e'] as const;
const ADDRESS_TYPES = ['manual', 'generated', 'assigned'] as const;
const UNITS: Readonly<Partial<Record<ControllerInventory['type'], number>>> = {
  VirtualAHCIController: 30,
  VirtualNVMEController: 15,
};

/** A disk that is to be made: its backing comes with its volume. */
export type WantedDisk = Omit<DiskInventory, 'backing'>;

export interface WantedVm {
  readonly vm: Omit<VmInventory, 'disks' | 'folder' | 'resourcePool'>;
  readonly disks: readonly WantedDisk[];
  readonly datastore: DatastoreRecord;
}

/** Reads `VirtualMachineImportSpec.configSpec`. What the lab does not make of it is refused, not passed over. */
export function wantedVm(call: Call, spec: DataObject, host: HostRecord): WantedVm {
  const { fields } = spec;
  const unserved = Object.keys(fields).find((name) => fields[name] !== undefined && !SERVED.includes(name));
  if (unserved !== undefined) throw notServed(call, `ConfigSpec.${unserved}`);
  const name = optionalTextOf(fields, 'name');
  if (name === undefined || name === '') throw invalidArgument('spec.configSpec.name');
  const version = optionalTextOf(fields, 'version');
  if (version !== undefined && Number(/^vmx-(\d+)$/.exec(version)?.[1] ?? 99) > NEWEST_HARDWARE) {
    throw invalidArgument('spec.configSpec.version');
  }
  const datastore = datastoreOf(fields, host);
  const changes = dataListOf(fields, 'deviceChange').map((change, index) => deviceOf(call, change, index));
  const controllers = changes.flatMap(({ device, index }) => controllerOf(device, index) ?? []);
  const disks: WantedDisk[] = [];
  const adapters: AdapterInventory[] = [];
  for (const { device, index, creates } of changes) {
    if (device.type === 'VirtualDisk')
      disks.push(diskOf(device, index, { creates, controllers, disks, datastore, version }));
    else if (ADAPTERS.some((type) => type === device.type)) adapters.push(adapterOf(device, index, host));
    else if (!controllerOf(device, index)) throw notServed(call, `adding ${device.type}`);
  }
  requireRoom(datastore, disks);
  const firmware = optionalTextOf(fields, 'firmware');
  const memoryMb = fields.memoryMB;
  return {
    datastore,
    disks,
    vm: {
      name,
      host: host.name,
      instanceUuid: randomUUID(),
      biosUuid: optionalTextOf(fields, 'uuid') ?? randomUUID(),
      powerState: 'poweredOff',
      nvramFiles: {},
      controllers,
      adapters,
      vmStorageObjectId: `naa.${randomBytes(16).toString('hex')}`,
      ...optional('version', version),
      ...optional('guestId', optionalTextOf(fields, 'guestId')),
      ...optional('annotation', optionalTextOf(fields, 'annotation')),
      ...optional('cpus', optionalIntOf(fields, 'numCPUs')),
      ...optional('coresPerSocket', optionalIntOf(fields, 'numCoresPerSocket')),
      ...(memoryMb === undefined ? {} : { memoryMb: Number(memoryMb) }),
      firmware: firmware === 'efi' ? 'efi' : 'bios',
      secureBoot: flagOf(optionalDataOf(fields, 'bootOptions')?.fields ?? {}, 'efiSecureBootEnabled'),
      diskUuidEnabled: flagOf(optionalDataOf(fields, 'flags')?.fields ?? {}, 'diskUuidEnabled'),
      extraConfig: Object.fromEntries(
        dataListOf(fields, 'extraConfig').map(({ fields: option }) => [
          textOf(option, 'key'),
          isAny(option.value) ? String(option.value.value) : '',
        ]),
      ),
    },
  };
}

const optional = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  // The one key is `name`, which the type of an object made of a computed key does not say.
  (value === undefined ? {} : { [name]: value }) as { readonly [key in Name]?: Value };

export function notServed(call: Call, what: string): VimFault {
  call.server.events.add('vcenter', 'unserved', call.operation, call.receiver.id, { what });
  return new VimFault('NotSupported', 'The operation is not supported on the object.');
}

function datastoreOf(fields: Fields, host: HostRecord): DatastoreRecord {
  const path = textOf(dataOf(fields, 'files').fields, 'vmPathName');
  const datastore = datastoreNamed(/^\[(.+)\]$/.exec(path)?.[1] ?? '', host);
  if (!datastore || !hostsMounting(datastore).includes(host)) {
    throw new VimFault('InvalidDatastorePath', `Invalid datastore path '${path}'.`, { datastorePath: path });
  }
  return datastore;
}

function deviceOf(call: Call, change: DataObject, index: number) {
  if (optionalTextOf(change.fields, 'operation') !== 'add') throw notServed(call, `deviceChange ${index} is no add`);
  return {
    index,
    device: dataOf(change.fields, 'device'),
    creates: optionalTextOf(change.fields, 'fileOperation') === 'create',
  };
}

function controllerOf(device: DataObject, index: number): ControllerInventory | undefined {
  const type = CONTROLLERS.find((one) => one === device.type);
  if (type === undefined) return undefined;
  const key = optionalIntOf(device.fields, 'key');
  if (key === undefined || optionalIntOf(device.fields, 'busNumber') === undefined) throw invalidDevice(index);
  // What each kind's keys begin with is how the lab tells their bus.
  if (key % 1000 !== optionalIntOf(device.fields, 'busNumber')) throw invalidDevice(index);
  return { key, type };
}

interface DiskSurroundings {
  readonly creates: boolean;
  readonly controllers: readonly ControllerInventory[];
  readonly disks: readonly WantedDisk[];
  readonly datastore: DatastoreRecord;
  readonly version: string | undefined;
}

function diskOf({ fields }: DataObject, index: number, around: DiskSurroundings): WantedDisk {
  const backing = optionalDataOf(fields, 'backing');
  const property = `configSpec.deviceChange[${index}].device`;
  if (
    backing?.type !== 'VirtualDiskFlatVer2BackingInfo' ||
    !around.creates ||
    textOf(backing.fields, 'fileName') !== `[${around.datastore.name}]`
  ) {
    throw new VimFault('InvalidDeviceBacking', `Invalid backing for device '${index}'.`, {
      property: `${property}.backing`,
      deviceIndex: index,
    });
  }
  const controllerKey = optionalIntOf(fields, 'controllerKey') ?? 0;
  const unitNumber = optionalIntOf(fields, 'unitNumber') ?? -1;
  const controller = around.controllers.find(({ key }) => key === controllerKey);
  if (!controller && controllerKey !== 200 && controllerKey !== 201) {
    throw new VimFault('InvalidController', `Invalid controller for device '${index}'.`, {
      property: `${property}.controllerKey`,
      deviceIndex: index,
      controllerKey,
    });
  }
  const isTaken = around.disks.some((disk) => disk.controllerKey === controllerKey && disk.unitNumber === unitNumber);
  if (isTaken || !hasUnit(controller, unitNumber, around.version)) throw invalidDevice(index);
  const capacityBytes = Number(fields.capacityInBytes ?? Number(fields.capacityInKB) * 1024);
  if (!(capacityBytes > 0)) throw invalidDevice(index);
  return {
    key: 2000 + around.disks.length,
    label: `Hard disk ${around.disks.length + 1}`,
    controllerKey,
    unitNumber,
    capacityBytes,
    diskMode: textOf(backing.fields, 'diskMode'),
  };
}

function hasUnit(controller: ControllerInventory | undefined, unit: number, version: string | undefined): boolean {
  if (!controller) return unit === 0 || unit === 1;
  const units = UNITS[controller.type];
  if (units !== undefined) return unit >= 0 && unit < units;
  return unit !== SCSI_CONTROLLER_UNIT && unitsOf(controller, version).includes(unit);
}

function adapterOf(device: DataObject, index: number, host: HostRecord): AdapterInventory {
  const backing = optionalDataOf(device.fields, 'backing');
  const network =
    backing?.type === 'VirtualEthernetCardNetworkBackingInfo' ? textOf(backing.fields, 'deviceName') : undefined;
  if (network === undefined || !(host.spec.networks ?? ['VM Network']).includes(network)) {
    throw new VimFault('InvalidDeviceBacking', `Invalid backing for device '${index}'.`, {
      property: `configSpec.deviceChange[${index}].device.backing`,
      deviceIndex: index,
    });
  }
  const type = ADAPTERS.find((one) => one === device.type);
  const wanted = optionalTextOf(device.fields, 'addressType') ?? 'generated';
  const addressType = ADDRESS_TYPES.find((one) => one === wanted);
  if (!type || !addressType) throw invalidDevice(index);
  return {
    type,
    network,
    addressType,
    macAddress: optionalTextOf(device.fields, 'macAddress') ?? generatedAddress(),
    startConnected: flagOf(optionalDataOf(device.fields, 'connectable')?.fields ?? {}, 'startConnected'),
  };
}

const generatedAddress = (): string => `00:50:56:${(randomBytes(3).toString('hex').match(/../g) ?? []).join(':')}`;

function requireRoom({ name, spec }: DatastoreRecord, disks: readonly WantedDisk[]): void {
  const wanted = disks.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
  if ((spec.freeBytes ?? spec.capacityBytes) >= wanted) return;
  throw new VimFault('NoDiskSpace', `Insufficient disk space on datastore '${name}'.`, {
    file: `[${name}]`,
    datastore: name,
  });
}

function invalidDevice(index: number): VimFault {
  return new VimFault('InvalidDeviceSpec', `Invalid configuration for device '${index}'.`, {
    property: `configSpec.deviceChange[${index}].device`,
    deviceIndex: index,
  });
}
