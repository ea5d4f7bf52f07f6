import { changeIdsOf } from '../model/change-tracking.ts';
import { datastoresOfVm, shownName } from '../model/inventory-tree.ts';
import type { PropertyReaders } from '../model/managed-object.ts';
import type { Model } from '../model/model.ts';
import type { SnapshotRecord, VmRecord } from '../model/records.ts';
import { homePath } from '../model/vm-home.ts';
import { type DataObject, data, reference } from '../wire/vim-values.ts';
import { customValues, entityReaders, refOf } from './entity-properties.ts';
import { guestFullNameOf, guestIdOf, virtualMachineConfig } from './virtual-machine-config.ts';
import { fileLayout } from './virtual-machine-files.ts';

export function virtualMachineReaders(vm: VmRecord, model: Model): PropertyReaders {
  return {
    ...entityReaders(vm, model),
    config: () =>
      hasConfig(vm) ? virtualMachineConfig(vm, { disks: vm.spec.disks, changeIds: changeIdsOf(vm) }, model) : undefined,
    layoutEx: () => {
      const kept = vm.filesFrom?.modifiedAt === vm.modifiedAt ? vm.filesFrom.spec : vm.spec;
      return fileLayout({ ...vm, spec: kept }, model);
    },
    storage: () => storage(vm, model),
    resourcePool: () => (vm.spec.template ? undefined : refOf(vm.pool)),
    parentVApp: () => undefined,
    runtime: () => runtime(vm, model),
    guest: () => guest(vm),
    summary: () => summary(vm, model),
    datastore: () => datastoresOfVm(vm).map(refOf),
    network: () => [],
    snapshot: () => snapshotInfo(vm, model),
    rootSnapshot: () => vm.snapshots.map(snapshotRef),
    guestHeartbeatStatus: () => heartbeat(vm),
  };
}

export function snapshotReaders(snapshot: SnapshotRecord, model: Model): PropertyReaders {
  return {
    config: () => virtualMachineConfig(snapshot.vm, { ...snapshot.spec, changeIds: snapshot.changeIds }, model),
    childSnapshot: () => snapshot.children.map(snapshotRef),
    vm: () => refOf(snapshot.vm),
    value: () => [],
    availableField: () => [],
  };
}

function snapshotRef(snapshot: SnapshotRecord) {
  return reference('VirtualMachineSnapshot', snapshot.id);
}

function toolsStatus(vm: VmRecord): string {
  if (!vm.spec.guest) return 'toolsNotInstalled';
  return vm.spec.guest.toolsRunningStatus === 'guestToolsNotRunning' ? 'toolsNotRunning' : 'toolsOk';
}

function heartbeat(vm: VmRecord): string {
  return toolsStatus(vm) === 'toolsOk' ? 'green' : 'gray';
}

function runtime(vm: VmRecord, model: Model): DataObject {
  const on = vm.spec.powerState === 'poweredOn';
  return data('VirtualMachineRuntimeInfo', {
    host: refOf(vm.host),
    connectionState: vm.spec.connectionState ?? 'connected',
    powerState: vm.spec.powerState,
    faultToleranceState: vm.spec.faultToleranceState ?? 'notConfigured',
    toolsInstallerMounted: false,
    bootTime: on ? model.startedAt : undefined,
    numMksConnections: 0,
    recordReplayState: 'inactive',
    onlineStandby: false,
    consolidationNeeded: vm.spec.consolidationNeeded ?? false,
    paused: false,
    snapshotInBackground: false,
  });
}

function guest(vm: VmRecord): DataObject {
  const inside = vm.spec.guest;
  const running = vm.spec.powerState === 'poweredOn' && toolsStatus(vm) === 'toolsOk';
  return data('GuestInfo', {
    toolsStatus: toolsStatus(vm),
    toolsVersionStatus: inside ? 'guestToolsUnmanaged' : 'guestToolsNotInstalled',
    toolsVersionStatus2: inside ? 'guestToolsUnmanaged' : 'guestToolsNotInstalled',
    toolsRunningStatus: inside?.toolsRunningStatus ?? 'guestToolsNotRunning',
    toolsVersion: inside ? '12352' : '0',
    guestId: running ? guestIdOf(vm) : undefined,
    guestFamily: inside?.family,
    guestFullName: inside?.fullName,
    hostName: inside?.hostName,
    ipAddress: inside?.ipAddress,
    guestState: running ? 'running' : 'notRunning',
    guestOperationsReady: running && (inside?.guestOperationsReady ?? true),
    interactiveGuestOperationsReady: false,
    guestStateChangeSupported: running,
  });
}

/** Its file cannot be read in these states. The summary keeps what was last known; of an invalid VM not even its identity. */
const hasConfig = ({ spec }: VmRecord): boolean =>
  !['inaccessible', 'invalid', 'orphaned'].includes(spec.connectionState ?? 'connected');

function summary(vm: VmRecord, model: Model): DataObject {
  const { spec } = vm;
  const space = usedBytes(vm);
  return data('VirtualMachineSummary', {
    vm: refOf(vm),
    runtime: runtime(vm, model),
    guest: data('VirtualMachineGuestSummary', {
      guestId: spec.guest ? guestIdOf(vm) : undefined,
      guestFullName: spec.guest?.fullName,
      toolsStatus: toolsStatus(vm),
      toolsVersionStatus2: spec.guest ? 'guestToolsUnmanaged' : 'guestToolsNotInstalled',
      toolsRunningStatus: spec.guest?.toolsRunningStatus ?? 'guestToolsNotRunning',
      hostName: spec.guest?.hostName,
      ipAddress: spec.guest?.ipAddress,
    }),
    config: data('VirtualMachineConfigSummary', {
      name: shownName(vm.name),
      template: spec.template ?? false,
      vmPathName: homePath(spec),
      memorySizeMB: spec.memoryMb ?? 4096,
      cpuReservation: 0,
      memoryReservation: 0,
      numCpu: spec.cpus ?? 2,
      numEthernetCards: spec.adapters?.length ?? 0,
      numVirtualDisks: spec.disks.length,
      uuid: spec.biosUuid,
      instanceUuid: spec.connectionState === 'invalid' ? undefined : spec.instanceUuid,
      guestId: guestIdOf(vm),
      guestFullName: guestFullNameOf(vm),
      annotation: spec.annotation ?? '',
      installBootRequired: false,
      tpmPresent: false,
    }),
    storage: data('VirtualMachineStorageSummary', {
      committed: space,
      uncommitted: 0,
      unshared: space,
      timestamp: model.startedAt,
    }),
    quickStats: data('VirtualMachineQuickStats', { guestHeartbeatStatus: heartbeat(vm) }),
    overallStatus: 'green',
    customValue: customValues(vm, model),
  });
}

function usedBytes(vm: VmRecord, datastoreName?: string): number {
  return vm.spec.disks
    .filter(
      (disk) =>
        datastoreName === undefined || ('datastore' in disk.backing && disk.backing.datastore === datastoreName),
    )
    .reduce((sum, disk) => sum + disk.capacityBytes, 0);
}

function storage(vm: VmRecord, model: Model): DataObject {
  return data('VirtualMachineStorageInfo', {
    perDatastoreUsage: datastoresOfVm(vm).map((datastore) => {
      const used = usedBytes(vm, datastore.name);
      return data('VirtualMachineUsageOnDatastore', {
        datastore: refOf(datastore),
        committed: used,
        uncommitted: 0,
        unshared: used,
      });
    }),
    timestamp: model.startedAt,
  });
}

function snapshotInfo(vm: VmRecord, model: Model): DataObject | undefined {
  if (vm.snapshots.length === 0) return undefined;
  let current: SnapshotRecord | undefined;
  const tree = (snapshot: SnapshotRecord): DataObject => {
    if (snapshot.spec.current) current = snapshot;
    return data('VirtualMachineSnapshotTree', {
      snapshot: snapshotRef(snapshot),
      vm: refOf(vm),
      name: snapshot.spec.name,
      description: snapshot.spec.description ?? '',
      id: snapshot.number,
      createTime: snapshot.spec.createTime === undefined ? model.startedAt : new Date(snapshot.spec.createTime),
      state: 'poweredOff',
      quiesced: snapshot.spec.quiesced ?? false,
      childSnapshotList: snapshot.children.map(tree),
      replaySupported: false,
    });
  };
  const rootSnapshotList = vm.snapshots.map(tree);
  return data('VirtualMachineSnapshotInfo', {
    currentSnapshot: current ? snapshotRef(current) : undefined,
    rootSnapshotList,
  });
}
