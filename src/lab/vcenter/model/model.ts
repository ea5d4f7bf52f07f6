import type { TagCategoryInventory, VmInventory } from '../inventory.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { ManagedObject } from './managed-object.ts';
import type {
  DatacenterRecord,
  DatastoreRecord,
  EntityRecord,
  FolderRecord,
  HostRecord,
  SnapshotRecord,
  VmRecord,
} from './records.ts';

interface CustomField {
  readonly key: number;
  readonly name: string;
}

/** Everything all sessions share. */
export interface Model {
  readonly instanceUuid: string;
  readonly startedAt: Date;
  readonly rootFolder: FolderRecord;
  readonly entities: Map<string, EntityRecord>;
  /** Managed objects by id: the entities and everything else that is not one session's own. */
  readonly objects: Map<string, ManagedObject>;
  readonly customFields: CustomField[];
  readonly tagCategories: readonly TagCategoryInventory[];
  readonly changes: ChangeFeed;
  /** VMs that lie on datastores and are in no inventory, by the path of their .vmx. */
  readonly unregistered: Map<string, VmInventory>;
  /** Ids of the tasks of the last minutes, by the entity they are of. */
  readonly recentTasks: Map<string, string[]>;
  /** Next free number for a managed object id. */
  nextNumber(): number;
}

export function vmsOf(model: Model): readonly VmRecord[] {
  return [...model.entities.values()].filter((entity) => entity.type === 'VirtualMachine');
}

export function hostsOf(model: Model): readonly HostRecord[] {
  return datacentersOf(model).flatMap(hostsIn);
}

export function datastoresOf(model: Model): readonly DatastoreRecord[] {
  return datacentersOf(model).flatMap(datastoresIn);
}

export function hostsIn(datacenter: DatacenterRecord): readonly HostRecord[] {
  return datacenter.folders.host.children.flatMap((child) =>
    child.type === 'ClusterComputeResource' ? child.hosts : [],
  );
}

export function datastoresIn(datacenter: DatacenterRecord): readonly DatastoreRecord[] {
  return datacenter.folders.datastore.children.filter((child) => child.type === 'Datastore');
}

function datacentersOf(model: Model): readonly DatacenterRecord[] {
  return model.rootFolder.children.filter((child) => child.type === 'Datacenter');
}

export function allSnapshots(vm: VmRecord): readonly SnapshotRecord[] {
  const below = (list: readonly SnapshotRecord[]): readonly SnapshotRecord[] =>
    list.flatMap((snapshot) => [snapshot, ...below(snapshot.children)]);
  return below(vm.snapshots);
}
