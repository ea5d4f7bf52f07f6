import { hostsMounting, shownName } from '../model/inventory-tree.ts';
import type { PropertyReaders } from '../model/managed-object.ts';
import { datastoresOf, type Model, vmsOf } from '../model/model.ts';
import type { HostRecord } from '../model/records.ts';
import { type DataObject, data, type Reference, reference } from '../wire/vim-values.ts';
import { entityReaders, refOf } from './entity-properties.ts';
import { storageDeviceInfo } from './host-storage.ts';

export const HOST_CORES = 16;
export const HOST_CORE_MHZ = 2600;
const HOST_CPU_MODEL = 'Intel(R) Xeon(R) Gold 6126 CPU @ 2.60GHz';
export const HOST_MEMORY_BYTES = 256 * 1024 ** 3;

/** `thumbprint`: SHA-1 of the host's certificate, where the lab runs something of the host. */
export function hostReaders(
  host: HostRecord,
  model: Model,
  hostProduct: DataObject,
  thumbprint: string | undefined,
): PropertyReaders {
  const runtime = () =>
    data('HostRuntimeInfo', {
      connectionState: host.spec.connectionState ?? 'connected',
      powerState: 'poweredOn',
      inMaintenanceMode: host.spec.maintenanceMode ?? false,
      bootTime: model.startedAt,
    });
  return {
    ...entityReaders(host, model),
    runtime,
    summary: () =>
      data('HostListSummary', {
        host: refOf(host),
        hardware: data('HostHardwareSummary', {
          vendor: 'Dell Inc.',
          model: 'PowerEdge R740',
          uuid: host.spec.uuid,
          memorySize: HOST_MEMORY_BYTES,
          cpuModel: HOST_CPU_MODEL,
          cpuMhz: HOST_CORE_MHZ,
          numCpuPkgs: 1,
          numCpuCores: HOST_CORES,
          numCpuThreads: HOST_CORES * 2,
          numNics: 2,
          numHBAs: host.spec.hbas?.length ?? 0,
        }),
        runtime: runtime(),
        config: data('HostConfigSummary', {
          name: shownName(host.name),
          port: 443,
          sslThumbprint: thumbprint,
          product: hostProduct,
          vmotionEnabled: true,
          faultToleranceEnabled: false,
        }),
        quickStats: data('HostListSummaryQuickStats'),
        overallStatus: 'green',
        rebootRequired: false,
      }),
    hardware: () =>
      data('HostHardwareInfo', {
        systemInfo: data('HostSystemInfo', { vendor: 'Dell Inc.', model: 'PowerEdge R740', uuid: host.spec.uuid }),
        cpuInfo: data('HostCpuInfo', {
          numCpuPackages: 1,
          numCpuCores: HOST_CORES,
          numCpuThreads: HOST_CORES * 2,
          hz: HOST_CORE_MHZ * 1_000_000,
        }),
        cpuPkg: [
          data('HostCpuPackage', {
            index: 0,
            vendor: 'intel',
            hz: HOST_CORE_MHZ * 1_000_000,
            busHz: 100_000_000,
            description: HOST_CPU_MODEL,
            threadId: Array.from({ length: HOST_CORES * 2 }, (_, thread) => thread),
          }),
        ],
        memorySize: HOST_MEMORY_BYTES,
        smcPresent: false,
      }),
    configManager: () =>
      data('HostConfigManager', {
        datastoreSystem: hostSubsystem('HostDatastoreSystem', host),
        storageSystem: hostSubsystem('HostStorageSystem', host),
      }),
    config: () =>
      data('HostConfigInfo', { host: refOf(host), product: hostProduct, storageDevice: storageDeviceInfo(host.spec) }),
    vm: () =>
      vmsOf(model)
        .filter((vm) => vm.host === host)
        .map(refOf),
    datastore: () => hostDatastores(host, model),
    network: () => [],
  };
}

/** The host's managers have ids made of their kind and the host's number: `storageSystem-9`. */
export function hostSubsystem(type: 'HostDatastoreSystem' | 'HostStorageSystem', host: HostRecord): Reference {
  const kind = type === 'HostStorageSystem' ? 'storageSystem' : 'datastoreSystem';
  return reference(type, `${kind}-${host.id.replace('host-', '')}`);
}

export function hostStorageSystemReaders(host: HostRecord): PropertyReaders {
  return { storageDeviceInfo: () => storageDeviceInfo(host.spec), value: () => [], availableField: () => [] };
}

export function hostDatastoreSystemReaders(host: HostRecord, model: Model): PropertyReaders {
  return {
    datastore: () => hostDatastores(host, model),
    capabilities: () =>
      data('HostDatastoreSystemCapabilities', {
        nfsMountCreationRequired: true,
        nfsMountCreationSupported: true,
        localDatastoreSupported: false,
        vmfsExtentExpansionSupported: true,
      }),
  };
}

function hostDatastores(host: HostRecord, model: Model): readonly Reference[] {
  return datastoresOf(model)
    .filter((datastore) => hostsMounting(datastore).includes(host))
    .map(refOf);
}
