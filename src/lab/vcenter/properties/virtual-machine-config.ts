import { datastoresOfVm, shownName } from '../model/inventory-tree.ts';
import type { Model } from '../model/model.ts';
import type { VmRecord } from '../model/records.ts';
import { homeDirectory, homePath } from '../model/vm-home.ts';
import { anyOf, type DataObject, data } from '../wire/vim-values.ts';
import { unlimitedAllocation } from './container-properties.ts';
import { datastoreUrl } from './datastore-properties.ts';
import { cryptoKey, type DisksState, virtualDevices } from './virtual-devices.ts';

const GUEST_NAMES: Readonly<Record<string, string>> = {
  windows2019srv_64Guest: 'Microsoft Windows Server 2019 (64-bit)',
  debian12_64Guest: 'Debian GNU/Linux 12 (64-bit)',
  rhel9_64Guest: 'Red Hat Enterprise Linux 9 (64-bit)',
};

export function guestIdOf(vm: VmRecord): string {
  return vm.spec.guestId ?? (vm.spec.guest?.family === 'windowsGuest' ? 'windows2019srv_64Guest' : 'debian12_64Guest');
}

export function guestFullNameOf(vm: VmRecord): string {
  return vm.spec.guest?.fullName ?? GUEST_NAMES[guestIdOf(vm)] ?? guestIdOf(vm);
}

/** `config` of a VM, or of a snapshot when the disks are the snapshot's. */
export function virtualMachineConfig(vm: VmRecord, state: DisksState, model: Model): DataObject {
  const { spec } = vm;
  const directory = homeDirectory(spec);
  return data('VirtualMachineConfigInfo', {
    changeVersion: vm.modifiedAt.toISOString(),
    modified: vm.modifiedAt,
    name: shownName(vm.name),
    guestFullName: guestFullNameOf(vm),
    version: spec.version ?? 'vmx-19',
    uuid: spec.biosUuid,
    createDate: model.startedAt,
    instanceUuid: spec.instanceUuid,
    npivTemporaryDisabled: true,
    template: spec.template ?? false,
    guestId: guestIdOf(vm),
    alternateGuestName: '',
    annotation: spec.annotation ?? '',
    files: data('VirtualMachineFileInfo', {
      vmPathName: homePath(spec),
      snapshotDirectory: `${directory}/`,
      suspendDirectory: `${directory}/`,
      logDirectory: `${directory}/`,
    }),
    tools: data('ToolsConfigInfo', {
      toolsVersion: spec.guest ? 12352 : 0,
      afterPowerOn: true,
      afterResume: true,
      beforeGuestStandby: true,
      beforeGuestShutdown: true,
      toolsUpgradePolicy: 'manual',
      syncTimeWithHost: false,
    }),
    flags: data('VirtualMachineFlagInfo', {
      enableLogging: true,
      snapshotDisabled: false,
      snapshotLocked: false,
      diskUuidEnabled: spec.diskUuidEnabled ?? true,
      snapshotPowerOffBehavior: 'powerOff',
    }),
    defaultPowerOps: data('VirtualMachineDefaultPowerOpInfo', {
      powerOffType: 'soft',
      suspendType: 'hard',
      resetType: 'soft',
      standbyAction: 'checkpoint',
    }),
    rebootPowerOff: false,
    // Computed only when asked for: the devices are most of a VM, and many clients want just its uuids.
    get hardware() {
      return data('VirtualHardware', {
        numCPU: spec.cpus ?? 2,
        numCoresPerSocket: spec.coresPerSocket ?? 1,
        memoryMB: spec.memoryMb ?? 4096,
        virtualICH7MPresent: false,
        virtualSMCPresent: false,
        device: virtualDevices(vm, state, model),
      });
    },
    cpuAllocation: unlimitedAllocation(2000),
    memoryAllocation: unlimitedAllocation(40960),
    memoryHotAddEnabled: false,
    cpuHotAddEnabled: false,
    extraConfig: Object.entries(spec.extraConfig ?? {}).map(([key, value]) =>
      data('OptionValue', { key, value: anyOf({ name: 'string', array: false, reference: false }, value) }),
    ),
    datastoreUrl: datastoresOfVm(vm).map((datastore) =>
      data('VirtualMachineConfigInfoDatastoreUrlPair', {
        name: shownName(datastore.name),
        url: datastoreUrl(datastore.spec),
      }),
    ),
    swapPlacement: 'inherit',
    bootOptions: data('VirtualMachineBootOptions', {
      bootDelay: 0,
      enterBIOSSetup: false,
      efiSecureBootEnabled: spec.secureBoot ?? false,
      bootRetryEnabled: false,
    }),
    vAssertsEnabled: false,
    changeTrackingEnabled: spec.changeTrackingEnabled ?? false,
    firmware: spec.firmware ?? 'efi',
    maxMksConnections: -1,
    guestAutoLockEnabled: true,
    memoryReservationLockedToMax: false,
    nestedHVEnabled: false,
    vPMCEnabled: false,
    messageBusTunnelEnabled: false,
    vmStorageObjectId: spec.vmStorageObjectId,
    swapStorageObjectId: spec.swapStorageObjectId,
    keyId: cryptoKey(spec.keyId),
    migrateEncryption: 'opportunistic',
    sevEnabled: false,
  });
}
