import type { DiskController, NetworkAdapter } from '../ports/vm-hardware.ts';
import { type NewVm, RESTORE_MARK_KEY } from '../ports/vm-import.ts';
import type { VimRef } from './decode.ts';
import { managedObject, type SoapObject } from './encode.ts';

/** Request bodies of imports; the order of the keys is the wire order, as in `encode.ts`. */

export const onObject = (object: VimRef): SoapObject => ({ _this: managedObject(object) });

export const leaseProgress = (lease: VimRef, percent: number): SoapObject => ({ _this: managedObject(lease), percent });

export interface ImportTarget {
  readonly pool: VimRef;
  readonly folder: VimRef;
  readonly host: VimRef;
  readonly datastore: string;
}

/** vSphere API: ImportVApp with a VirtualMachineImportSpec. */
export const importVm = (vm: NewVm, { pool, folder, host, datastore }: ImportTarget): SoapObject => ({
  _this: managedObject(pool),
  spec: {
    attributes: { 'xsi:type': 'VirtualMachineImportSpec' },
    configSpec: configSpec(vm, datastore),
  },
  folder: managedObject(folder),
  host: managedObject(host),
});

function configSpec(vm: NewVm, datastore: string): SoapObject {
  const { hardware } = vm;
  const used = new Set(vm.disks.map(({ key }) => slotOf(vm, key).controller));
  // Every VM has its two IDE controllers without being asked.
  const controllers = hardware.controllers.filter(({ key, type }) => used.has(key) && type !== IDE);
  return {
    name: vm.name,
    ...(hardware.version === undefined ? {} : { version: hardware.version }),
    ...(vm.takesPlace && hardware.biosUuid !== undefined ? { uuid: hardware.biosUuid } : {}),
    ...(hardware.guestId === undefined ? {} : { guestId: hardware.guestId }),
    annotation: vm.annotation,
    files: { vmPathName: `[${datastore}]` },
    flags: { diskUuidEnabled: hardware.showsSerials },
    numCPUs: hardware.cpus,
    numCoresPerSocket: hardware.coresPerSocket,
    memoryMB: hardware.memoryMiB,
    deviceChange: [
      ...controllers.map(addController),
      ...vm.disks.map(({ key, capacityBytes }) => addDisk(slotOf(vm, key), capacityBytes, datastore)),
      ...hardware.adapters.flatMap((adapter, index) => addAdapter(adapter, index, vm)),
    ],
    extraConfig: [setting(RESTORE_MARK_KEY, vm.mark), ...(vm.bringsNvram ? [setting('nvram', NVRAM_NAME)] : [])],
    ...(hardware.secureBoot ? { bootOptions: { efiSecureBootEnabled: true } } : {}),
    firmware: hardware.firmware,
  };
}

/** Of the file beside the configuration. It needs no name of a VM, which may have any character. */
export const NVRAM_NAME = 'restored.nvram';

const IDE = 'VirtualIDEController';

function slotOf({ hardware, name }: NewVm, disk: number): NewVm['hardware']['slots'][number] {
  const slot = hardware.slots.find((candidate) => candidate.disk === disk);
  if (!slot) throw new TypeError(`the hardware of "${name}" has no place for disk ${disk}`);
  return slot;
}

const addController = ({ key, type, busNumber }: DiskController): SoapObject => ({
  operation: 'add',
  device: {
    attributes: { 'xsi:type': type },
    key,
    busNumber,
    ...(/SCSI|Logic/.test(type) ? { sharedBus: 'noSharing' } : {}),
  },
});

/** Thin, as what the import sends is sparse; the datastore decides whether it can be. */
const addDisk = (
  { disk, controller, unit }: NewVm['hardware']['slots'][number],
  capacityBytes: number,
  datastore: string,
): SoapObject => ({
  operation: 'add',
  fileOperation: 'create',
  device: {
    attributes: { 'xsi:type': 'VirtualDisk' },
    key: disk,
    backing: {
      attributes: { 'xsi:type': 'VirtualDiskFlatVer2BackingInfo' },
      fileName: `[${datastore}]`,
      diskMode: 'persistent',
      thinProvisioned: true,
    },
    controllerKey: controller,
    unitNumber: unit,
    capacityInKB: Math.ceil(capacityBytes / 1024),
    capacityInBytes: capacityBytes,
  },
});

const FIRST_ADAPTER_KEY = 4000;

function addAdapter(adapter: NetworkAdapter, index: number, vm: NewVm): readonly SoapObject[] {
  const backing = backingOf(adapter);
  if (backing === undefined) return [];
  return [
    {
      operation: 'add',
      device: {
        attributes: { 'xsi:type': adapter.type },
        key: FIRST_ADAPTER_KEY + index,
        backing,
        connectable: { startConnected: vm.connectNetwork, allowGuestControl: true, connected: false },
        ...(vm.takesPlace && adapter.macAddress !== undefined
          ? { addressType: adapter.addressType ?? 'manual', macAddress: adapter.macAddress }
          : { addressType: 'generated' }),
      },
    },
  ];
}

function backingOf({ network }: NetworkAdapter): SoapObject | undefined {
  switch (network.kind) {
    case 'standard':
      return { attributes: { 'xsi:type': 'VirtualEthernetCardNetworkBackingInfo' }, deviceName: network.name };
    case 'distributed':
      return {
        attributes: { 'xsi:type': 'VirtualEthernetCardDistributedVirtualPortBackingInfo' },
        port: { switchUuid: network.switchUuid, portgroupKey: network.portgroupKey },
      };
    case 'other':
      return undefined;
  }
}

const setting = (key: string, value: string): SoapObject => ({
  key,
  value: {
    attributes: { 'xsi:type': 'xsd:string', 'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema' },
    $value: value,
  },
});

export const reidentifyVm = (vm: VimRef, name: string, instanceUuid: string): SoapObject => ({
  _this: managedObject(vm),
  spec: { name, instanceUuid },
});
