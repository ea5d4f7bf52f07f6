import type { AdapterInventory, ControllerInventory, DiskBackingInventory, DiskInventory } from '../inventory.ts';
import { diskControllers, SCSI_CONTROLLER_UNIT } from '../model/controllers.ts';
import { uuidOf } from '../model/existing-files.ts';
import { datastoreNamed } from '../model/inventory-tree.ts';
import type { Model } from '../model/model.ts';
import type { VmRecord } from '../model/records.ts';
import { type DataObject, data, type Fields } from '../wire/vim-values.ts';
import { refOf } from './entity-properties.ts';

/** Disks as they are now, or as a snapshot has them. */
export interface DisksState {
  readonly disks: readonly DiskInventory[];
  /** Of those that are tracked, by device key. */
  readonly changeIds: ReadonlyMap<number, string>;
}

/** The devices of a VM as vCenter lists them: the fixed ones, the disk controllers, the disks. */
export function virtualDevices(vm: VmRecord, state: DisksState, model: Model): readonly DataObject[] {
  const { disks, changeIds } = state;
  const controllers = diskControllers(vm.spec, disks);
  const onPci = [500, 12000, ...controllers.map((controller) => controller.key)];
  const attached = (controllerKey: number) =>
    disks.filter((disk) => disk.controllerKey === controllerKey).map((disk) => disk.key);
  return [
    device('VirtualIDEController', 200, 'IDE 0', { busNumber: 0, device: attached(200) }),
    device('VirtualIDEController', 201, 'IDE 1', { busNumber: 1, device: attached(201) }),
    device('VirtualPS2Controller', 300, 'PS2 controller 0', { busNumber: 0, device: [600, 700] }),
    device('VirtualPCIController', 100, 'PCI controller 0', { busNumber: 0, device: onPci }),
    device('VirtualSIOController', 400, 'SIO controller 0', { busNumber: 0 }),
    device('VirtualKeyboard', 600, 'Keyboard', { controllerKey: 300, unitNumber: 0 }),
    device('VirtualPointingDevice', 700, 'Pointing device', {
      backing: data('VirtualPointingDeviceDeviceBackingInfo', {
        deviceName: '',
        useAutoDetect: false,
        hostPointingDevice: 'autodetect',
      }),
      controllerKey: 300,
      unitNumber: 1,
    }),
    device('VirtualMachineVideoCard', 500, 'Video card', {
      controllerKey: 100,
      unitNumber: 0,
      videoRamSizeInKB: 8192,
      numDisplays: 1,
      useAutoDetect: false,
      enable3DSupport: false,
      use3dRenderer: 'automatic',
      graphicsMemorySizeInKB: 262144,
    }),
    device('VirtualMachineVMCIDevice', 12000, 'VMCI device', {
      controllerKey: 100,
      unitNumber: 17,
      id: -1,
      allowUnrestrictedCommunication: false,
      filterEnable: true,
    }),
    ...controllers.map((controller, index) => diskController(controller, index, attached(controller.key))),
    ...disks.map((disk) => virtualDisk(vm, disk, changeIds.get(disk.key), model)),
    ...(vm.spec.adapters ?? []).map((adapter, index) => networkAdapter(vm, adapter, index)),
  ];
}

const FIRST_ADAPTER_KEY = 4000;
const FIRST_ADAPTER_UNIT = 7;

function networkAdapter(vm: VmRecord, adapter: AdapterInventory, index: number): DataObject {
  return device(adapter.type, FIRST_ADAPTER_KEY + index, `Network adapter ${index + 1}`, {
    backing: data('VirtualEthernetCardNetworkBackingInfo', { deviceName: adapter.network, useAutoDetect: false }),
    connectable: data('VirtualDeviceConnectInfo', {
      startConnected: adapter.startConnected,
      allowGuestControl: true,
      connected: adapter.startConnected && vm.spec.powerState === 'poweredOn',
    }),
    controllerKey: 100,
    unitNumber: FIRST_ADAPTER_UNIT + index,
    addressType: adapter.addressType,
    macAddress: adapter.macAddress,
    wakeOnLanEnabled: true,
  });
}

function device(type: string, key: number, label: string, fields: Fields, summary = label): DataObject {
  return data(type, { key, deviceInfo: data('Description', { label, summary }), ...fields });
}

const CONTROLLER_NAMES: Readonly<Record<ControllerInventory['type'], readonly [label: string, summary: string]>> = {
  ParaVirtualSCSIController: ['SCSI controller', 'VMware paravirtual SCSI'],
  VirtualLsiLogicController: ['SCSI controller', 'LSI Logic'],
  VirtualLsiLogicSASController: ['SCSI controller', 'LSI Logic SAS'],
  VirtualBusLogicController: ['SCSI controller', 'BusLogic'],
  VirtualAHCIController: ['SATA controller', 'AHCI'],
  VirtualNVMEController: ['NVME controller', 'NVME'],
};

function diskController(controller: ControllerInventory, place: number, disks: readonly number[]): DataObject {
  const busNumber = controller.key % 1000;
  const [label, summary] = CONTROLLER_NAMES[controller.type];
  const scsi = label === 'SCSI controller';
  return device(
    controller.type,
    controller.key,
    `${label} ${busNumber}`,
    {
      slotInfo: data('VirtualDevicePciBusSlotInfo', { pciSlotNumber: 160 + 32 * place }),
      controllerKey: 100,
      unitNumber: 3 + place,
      busNumber,
      device: disks,
      ...(scsi
        ? {
            hotAddRemove: true,
            sharedBus: controller.sharedBus ?? 'noSharing',
            scsiCtlrUnitNumber: SCSI_CONTROLLER_UNIT,
          }
        : {}),
    },
    summary,
  );
}

function virtualDisk(vm: VmRecord, disk: DiskInventory, changeId: string | undefined, model: Model): DataObject {
  const capacityKb = Math.floor(disk.capacityBytes / 1024);
  return device(
    'VirtualDisk',
    disk.key,
    disk.label,
    {
      backing: diskBacking(vm, disk, { ...disk, changeId }, model),
      controllerKey: disk.controllerKey,
      unitNumber: disk.unitNumber,
      capacityInKB: capacityKb,
      capacityInBytes: disk.capacityBytes,
      shares: data('SharesInfo', { shares: 1000, level: 'normal' }),
      storageIOAllocation: data('StorageIOAllocationInfo', {
        limit: -1,
        shares: data('SharesInfo', { shares: 1000, level: 'normal' }),
        reservation: 0,
      }),
      diskObjectId: `${vm.id.replace('vm-', '')}-${disk.key}`,
      vFlashCacheConfigInfo:
        disk.hostCache &&
        data('VirtualDiskVFlashCacheConfigInfo', {
          vFlashModule: 'vfc',
          reservationInMB: disk.hostCache.reservationMb,
          cacheConsistencyType: 'strong',
          cacheMode: disk.hostCache.mode,
          blockSizeInKB: 4,
        }),
      iofilter: disk.ioFilters,
      nativeUnmanagedLinkedClone: false,
      guestReadOnly: false,
    },
    `${capacityKb.toLocaleString('en-US')} KB`,
  );
}

const FILE_BACKINGS = {
  vvol: 'VirtualDiskFlatVer2BackingInfo',
  vmfs: 'VirtualDiskFlatVer2BackingInfo',
  nfs: 'VirtualDiskFlatVer2BackingInfo',
  seSparse: 'VirtualDiskSeSparseBackingInfo',
  sparseVer2: 'VirtualDiskSparseVer2BackingInfo',
  flatVer1: 'VirtualDiskFlatVer1BackingInfo',
} as const;

/** The guest-visible uuid is the same for every element of a chain; it is not the array's id. */
function diskBacking(
  vm: VmRecord,
  disk: DiskInventory,
  { backing, changeId }: { readonly backing: DiskBackingInventory; readonly changeId?: string | undefined },
  model: Model,
): DataObject {
  const uuid = uuidOf(vm, disk);
  const diskMode = disk.diskMode ?? 'persistent';
  const sharing = disk.sharing ?? 'sharingNone';
  if (backing.kind === 'rawDiskVer2') {
    return data('VirtualDiskRawDiskVer2BackingInfo', {
      deviceName: backing.deviceName,
      descriptorFileName: backing.descriptorFileName,
      uuid,
      sharing,
    });
  }
  const datastore = datastoreNamed(backing.datastore, vm);
  const file = { fileName: backing.fileName, datastore: datastore ? refOf(datastore) : undefined };
  if (backing.kind === 'localPMem') return data('VirtualDiskLocalPMemBackingInfo', { ...file, diskMode, uuid });
  const parent =
    'parent' in backing && backing.parent ? diskBacking(vm, disk, { backing: backing.parent }, model) : undefined;
  if (backing.kind === 'rdm') {
    return data('VirtualDiskRawDiskMappingVer1BackingInfo', {
      ...file,
      lunUuid: backing.lunUuid,
      deviceName: backing.deviceName,
      compatibilityMode: backing.compatibilityMode,
      diskMode: backing.compatibilityMode === 'physicalMode' ? 'independent_persistent' : diskMode,
      uuid,
      contentId: 'fffffffe',
      changeId,
      parent,
      ...(parent ? { deltaDiskFormat: 'redoLogFormat' } : {}),
      sharing,
    });
  }
  const common = { ...file, diskMode, writeThrough: false, parent };
  switch (backing.kind) {
    case 'flatVer1':
      return data(FILE_BACKINGS.flatVer1, common);
    case 'sparseVer2':
    case 'seSparse':
      return data(FILE_BACKINGS[backing.kind], {
        ...common,
        uuid,
        contentId: 'fffffffe',
        changeId,
        keyId: cryptoKey(disk.keyId),
        ...(backing.kind === 'seSparse' ? { deltaDiskFormat: 'seSparseFormat', grainSize: 4096 } : {}),
      });
    default:
      return data(FILE_BACKINGS[backing.kind], {
        ...common,
        backingObjectId: backing.kind === 'vvol' ? backing.backingObjectId : undefined,
        split: false,
        thinProvisioned: backing.kind === 'vvol' ? true : (backing.thin ?? false),
        eagerlyScrub: false,
        uuid,
        contentId: 'fffffffe',
        changeId,
        ...(backing.parent ? { deltaDiskFormat: backing.kind === 'vvol' ? 'nativeFormat' : 'redoLogFormat' } : {}),
        digestEnabled: false,
        sharing,
        keyId: cryptoKey(disk.keyId),
      });
  }
}

export const cryptoKey = (keyId: string | undefined): DataObject | undefined =>
  keyId === undefined
    ? undefined
    : data('CryptoKeyId', { keyId, providerId: data('KeyProviderId', { id: 'lab-kms' }) });
