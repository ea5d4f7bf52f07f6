import { datacenterOf, hostsMounting, shownName } from '../model/inventory-tree.ts';
import type { PropertyReaders } from '../model/managed-object.ts';
import type { Model } from '../model/model.ts';
import { datastoresOf, vmsOf } from '../model/model.ts';
import type { ClusterRecord, DatacenterRecord, FolderRecord, ResourcePoolRecord } from '../model/records.ts';
import { type DataObject, data } from '../wire/vim-values.ts';
import { entityReaders, refOf } from './entity-properties.ts';
import { HOST_CORE_MHZ, HOST_CORES, HOST_MEMORY_BYTES } from './host-properties.ts';

export function folderReaders(folder: FolderRecord, model: Model): PropertyReaders {
  return {
    ...entityReaders(folder, model),
    childType: () => folder.childType,
    childEntity: () => folder.children.map(refOf),
  };
}

export function datacenterReaders(datacenter: DatacenterRecord, model: Model): PropertyReaders {
  return {
    ...entityReaders(datacenter, model),
    vmFolder: () => refOf(datacenter.folders.vm),
    hostFolder: () => refOf(datacenter.folders.host),
    datastoreFolder: () => refOf(datacenter.folders.datastore),
    networkFolder: () => refOf(datacenter.folders.network),
    datastore: () =>
      datastoresOf(model)
        .filter((datastore) => datacenterOf(datastore) === datacenter)
        .map(refOf),
    network: () => [],
    configuration: () => data('DatacenterConfigInfo'),
  };
}

export function clusterReaders(cluster: ClusterRecord, model: Model): PropertyReaders {
  return {
    ...entityReaders(cluster, model),
    resourcePool: () => refOf(cluster.rootPool),
    host: () => cluster.hosts.map(refOf),
    datastore: () =>
      datastoresOf(model)
        .filter((datastore) => hostsMounting(datastore).some((host) => host.cluster === cluster))
        .map(refOf),
    network: () => [],
    summary: () => {
      const hosts = cluster.hosts.length;
      const effective = cluster.hosts.filter((host) => (host.spec.connectionState ?? 'connected') === 'connected');
      return data('ClusterComputeResourceSummary', {
        totalCpu: hosts * HOST_CORES * HOST_CORE_MHZ,
        totalMemory: hosts * HOST_MEMORY_BYTES,
        numCpuCores: hosts * HOST_CORES,
        numCpuThreads: hosts * HOST_CORES * 2,
        effectiveCpu: effective.length * HOST_CORES * HOST_CORE_MHZ,
        effectiveMemory: effective.length * (HOST_MEMORY_BYTES / 1024 ** 2),
        numHosts: hosts,
        numEffectiveHosts: effective.length,
        overallStatus: 'green',
        currentFailoverLevel: 0,
        numVmotions: 0,
      });
    },
    recommendation: () => [],
    drsRecommendation: () => [],
    migrationHistory: () => [],
    actionHistory: () => [],
    drsFault: () => [],
  };
}

export function resourcePoolReaders(pool: ResourcePoolRecord, model: Model): PropertyReaders {
  const runtime = () =>
    data('ResourcePoolRuntimeInfo', { memory: idleUsage(), cpu: idleUsage(), overallStatus: 'green' });
  const config = () =>
    data('ResourceConfigSpec', {
      entity: refOf(pool),
      cpuAllocation: unlimitedAllocation(4000),
      memoryAllocation: unlimitedAllocation(163840),
    });
  return {
    ...entityReaders(pool, model),
    summary: () => data('ResourcePoolSummary', { name: shownName(pool.name), config: config(), runtime: runtime() }),
    runtime,
    owner: () => refOf(pool.owner),
    resourcePool: () => pool.pools.map(refOf),
    vm: () =>
      vmsOf(model)
        .filter((vm) => vm.pool === pool)
        .map(refOf),
    config,
    childConfiguration: () => [],
  };
}

export function unlimitedAllocation(shares: number): DataObject {
  return data('ResourceAllocationInfo', {
    reservation: 0,
    expandableReservation: true,
    limit: -1,
    shares: data('SharesInfo', { shares, level: 'normal' }),
  });
}

function idleUsage(): DataObject {
  return data('ResourcePoolResourceUsage', {
    reservationUsed: 0,
    reservationUsedForVm: 0,
    unreservedForPool: 0,
    unreservedForVm: 0,
    overallUsage: 0,
    maxUsage: 0,
  });
}
