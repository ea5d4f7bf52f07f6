import type {
  ClusterInventory,
  DatacenterInventory,
  SnapshotInventory,
  VcenterInventory,
  VmFolderInventory,
  VmInventory,
} from '../inventory.ts';
import { ChangeFeed } from './change-feed.ts';
import { applySetting } from './change-tracking.ts';
import { parentOf } from './disk-chains.ts';
import type { Model } from './model.ts';
import type {
  ClusterRecord,
  DatacenterRecord,
  EntityRecord,
  FolderRecord,
  HostRecord,
  ResourcePoolRecord,
  SnapshotRecord,
  VmRecord,
} from './records.ts';
import { homePath } from './vm-home.ts';

const FIRST_VM_NUMBER = 101;

/** Ids are given in the order of the inventory, the VMs' last: the same inventory always gets the same ids. */
export function buildModel(inventory: VcenterInventory): Model {
  let number = 1;
  const entities = new Map<string, EntityRecord>();
  const rootFolder: FolderRecord = {
    type: 'Folder',
    id: 'group-d1',
    name: 'Datacenters',
    parent: undefined,
    childType: ['Folder', 'Datacenter'],
    children: [],
  };
  entities.set(rootFolder.id, rootFolder);
  const model: Model = {
    instanceUuid: inventory.instanceUuid,
    startedAt: new Date(),
    rootFolder,
    entities,
    objects: new Map(),
    customFields: [],
    tagCategories: inventory.tagCategories ?? [],
    changes: new ChangeFeed(),
    unregistered: new Map(),
    recentTasks: new Map(),
    nextNumber: () => {
      number += 1;
      return number;
    },
  };
  const datacenters = inventory.datacenters.map((spec) => ({ datacenter: addDatacenter(model, spec), spec }));
  for (const { datacenter, spec } of datacenters) {
    for (const vm of spec.vms) folderOfVm(model, datacenter, vm);
  }
  number = Math.max(number, FIRST_VM_NUMBER - 1);
  const vms = datacenters.flatMap(({ datacenter, spec }) => spec.vms.map((vm) => addBareVm(model, datacenter, vm)));
  for (const vm of vms) addSnapshots(model, vm);
  return model;
}

/** Puts a VM into the inventory; its host and pool must exist. */
export function addVm(model: Model, datacenter: DatacenterRecord, spec: VmInventory): VmRecord {
  const vm = addBareVm(model, datacenter, spec);
  addSnapshots(model, vm);
  return vm;
}

function addBareVm(model: Model, datacenter: DatacenterRecord, spec: VmInventory): VmRecord {
  const host = hostNamed(datacenter, spec.host);
  const folder = folderOfVm(model, datacenter, spec);
  const vm: VmRecord = {
    type: 'VirtualMachine',
    id: `vm-${model.nextNumber()}`,
    name: spec.name,
    parent: folder,
    host,
    pool: poolNamed(host.cluster, spec.resourcePool),
    spec: { ...spec, vmPathName: homePath(spec) },
    snapshots: [],
    tracking: new Map(),
    modifiedAt: model.startedAt,
  };
  applySetting(vm);
  folder.children.push(vm);
  model.entities.set(vm.id, vm);
  for (const name of Object.keys(spec.customValues ?? {})) {
    if (!model.customFields.some((field) => field.name === name)) {
      model.customFields.push({ key: model.customFields.length + 1, name });
    }
  }
  return vm;
}

function addSnapshots(model: Model, vm: VmRecord): void {
  let number = 0;
  const snapshotOf = (spec: SnapshotInventory): SnapshotRecord => {
    number += 1;
    const id = `snapshot-${model.nextNumber()}`;
    const below = () => vm.spec.disks.map((disk) => ({ ...disk, backing: parentOf(disk.backing) ?? disk.backing }));
    return {
      id,
      vm,
      number,
      spec: { ...spec, disks: spec.disks ?? below() },
      changeIds: new Map(),
      children: (spec.children ?? []).map(snapshotOf),
    };
  };
  vm.snapshots.push(...(vm.spec.snapshots ?? []).map(snapshotOf));
}

function folderOfVm(model: Model, datacenter: DatacenterRecord, spec: VmInventory): FolderRecord {
  return (spec.folder ?? []).reduce((parent, name) => childFolder(model, parent, name), datacenter.folders.vm);
}

function addDatacenter(model: Model, spec: DatacenterInventory): DatacenterRecord {
  const id = `datacenter-${model.nextNumber()}`;
  const folder = (letter: string, name: string, childType: readonly string[]): Mutable<FolderRecord> => ({
    type: 'Folder',
    id: `group-${letter}${model.nextNumber()}`,
    name,
    parent: undefined,
    childType,
    children: [],
  });
  const folders = {
    vm: folder('v', 'vm', ['Folder', 'VirtualMachine', 'VirtualApp']),
    host: folder('h', 'host', ['Folder', 'ComputeResource']),
    datastore: folder('s', 'datastore', ['Folder', 'Datastore', 'StoragePod']),
    network: folder('n', 'network', ['Folder', 'Network', 'DistributedVirtualSwitch']),
  };
  const datacenter: DatacenterRecord = { type: 'Datacenter', id, name: spec.name, parent: model.rootFolder, folders };
  model.rootFolder.children.push(datacenter);
  model.entities.set(id, datacenter);
  for (const own of Object.values(folders)) {
    own.parent = datacenter;
    model.entities.set(own.id, own);
  }
  for (const nested of spec.vmFolders ?? []) addVmFolders(model, folders.vm, nested);
  for (const cluster of spec.clusters) addCluster(model, folders.host, cluster);
  for (const datastore of spec.datastores) {
    const record: EntityRecord = {
      type: 'Datastore',
      id: `datastore-${model.nextNumber()}`,
      name: datastore.name,
      parent: folders.datastore,
      spec: datastore,
    };
    folders.datastore.children.push(record);
    model.entities.set(record.id, record);
  }
  return datacenter;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function addVmFolders(model: Model, parent: FolderRecord, spec: VmFolderInventory): void {
  const folder = childFolder(model, parent, spec.name);
  for (const nested of spec.folders ?? []) addVmFolders(model, folder, nested);
}

function childFolder(model: Model, parent: FolderRecord, name: string): FolderRecord {
  const existing = parent.children.find((child) => child.type === 'Folder' && child.name === name);
  if (existing?.type === 'Folder') return existing;
  const folder: FolderRecord = {
    type: 'Folder',
    id: `group-v${model.nextNumber()}`,
    name,
    parent,
    childType: parent.childType,
    children: [],
  };
  parent.children.push(folder);
  model.entities.set(folder.id, folder);
  return folder;
}

function addCluster(model: Model, parent: FolderRecord, spec: ClusterInventory): void {
  const pool = (name: string): Mutable<Omit<ResourcePoolRecord, 'owner'>> => ({
    type: 'ResourcePool',
    id: `resgroup-${model.nextNumber()}`,
    name,
    parent: undefined,
    pools: [],
  });
  const id = `domain-c${model.nextNumber()}`;
  const unowned = pool('Resources');
  const cluster: Mutable<Omit<ClusterRecord, 'rootPool'>> & { rootPool?: ResourcePoolRecord } = {
    type: 'ClusterComputeResource',
    id,
    name: spec.name,
    parent,
    spec,
    hosts: [],
  };
  // Cluster and root pool point at each other; the cluster is complete once its pool is set on the next lines.
  const owner = cluster as ClusterRecord;
  const rootPool: ResourcePoolRecord = Object.assign(unowned, { owner, parent: owner });
  cluster.rootPool = rootPool;
  parent.children.push(owner);
  model.entities.set(id, owner);
  model.entities.set(rootPool.id, rootPool);
  for (const name of spec.resourcePools ?? []) {
    const child: ResourcePoolRecord = Object.assign(pool(name), { owner, parent: rootPool });
    rootPool.pools.push(child);
    model.entities.set(child.id, child);
  }
  for (const hostSpec of spec.hosts) {
    const host: HostRecord = {
      type: 'HostSystem',
      id: `host-${model.nextNumber()}`,
      name: hostSpec.name,
      parent: owner,
      cluster: owner,
      spec: hostSpec,
      searchedLuns: new Set(hostSpec.scsiLuns.map(({ canonicalName }) => canonicalName)),
      detachedLuns: new Set(),
      unmountedVolumes: new Set(),
    };
    owner.hosts.push(host);
    model.entities.set(host.id, host);
  }
}

function hostNamed(datacenter: DatacenterRecord, name: string): HostRecord {
  for (const cluster of datacenter.folders.host.children) {
    if (cluster.type !== 'ClusterComputeResource') continue;
    const host = cluster.hosts.find((candidate) => candidate.name === name);
    if (host) return host;
  }
  throw new Error(`the inventory names host "${name}", which datacenter "${datacenter.name}" does not have`);
}

function poolNamed(cluster: ClusterRecord, name: string | undefined): ResourcePoolRecord {
  if (name === undefined) return cluster.rootPool;
  const pool = cluster.rootPool.pools.find((candidate) => candidate.name === name);
  if (!pool)
    throw new Error(`the inventory names resource pool "${name}", which cluster "${cluster.name}" does not have`);
  return pool;
}
