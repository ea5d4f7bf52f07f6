import type {
  ClusterInventory,
  DatastoreInventory,
  DiskInventory,
  HostInventory,
  SnapshotInventory,
  VmInventory,
} from '../inventory.ts';

/** The inventory as it is now: records are changed in place, then the change feed is told. */
export type EntityRecord =
  | FolderRecord
  | DatacenterRecord
  | ClusterRecord
  | ResourcePoolRecord
  | HostRecord
  | DatastoreRecord
  | VmRecord;

interface RecordCommon {
  readonly id: string;
  name: string;
  readonly parent: EntityRecord | undefined;
}

export interface FolderRecord extends RecordCommon {
  readonly type: 'Folder';
  readonly childType: readonly string[];
  readonly children: EntityRecord[];
}

export interface DatacenterRecord extends RecordCommon {
  readonly type: 'Datacenter';
  readonly folders: {
    readonly vm: FolderRecord;
    readonly host: FolderRecord;
    readonly datastore: FolderRecord;
    readonly network: FolderRecord;
  };
}

export interface ClusterRecord extends RecordCommon {
  readonly type: 'ClusterComputeResource';
  readonly spec: ClusterInventory;
  readonly hosts: HostRecord[];
  readonly rootPool: ResourcePoolRecord;
}

export interface ResourcePoolRecord extends RecordCommon {
  readonly type: 'ResourcePool';
  readonly owner: ClusterRecord;
  readonly pools: ResourcePoolRecord[];
}

export interface HostRecord extends RecordCommon {
  readonly type: 'HostSystem';
  readonly cluster: ClusterRecord;
  spec: HostInventory;
  /** Canonical names of the devices on which the last scan for volumes looked. */
  searchedLuns: ReadonlySet<string>;
  /** Canonical names of devices that were detached: kept when the device is gone, and after a restart of the host. */
  readonly detachedLuns: Set<string>;
  /** VMFS volumes that were unmounted, by uuid: they stay so when they are seen again. */
  readonly unmountedVolumes: Set<string>;
}

export interface DatastoreRecord extends RecordCommon {
  readonly type: 'Datastore';
  spec: DatastoreInventory;
}

export interface VmRecord extends RecordCommon {
  readonly type: 'VirtualMachine';
  host: HostRecord;
  readonly pool: ResourcePoolRecord;
  spec: VmInventory;
  /** Roots of the snapshot tree. */
  readonly snapshots: SnapshotRecord[];
  /** Of changes, by device key of the disk. */
  readonly tracking: Map<number, DiskTracking>;
  /** Counts reconfigurations, shown in `config.changeVersion` and `config.modified`. */
  modifiedAt: Date;
  /** What `layoutEx` still shows until the VM is changed: the files as they were called before their datastore was renamed. */
  filesFrom?: { readonly spec: VmInventory; readonly modifiedAt: Date };
}

/** What a disk held at a point in time: a digest a block. Undefined: the lab has no content of it. */
export type TrackedContent = readonly string[] | undefined;

/** The change tracking of one disk, as its `-ctk.vmdk` keeps it. */
export interface DiskTracking {
  /** The part of a change id before its number; another one for tracking that began anew. */
  readonly series: string;
  /** Number of the present state. */
  number: number;
  /** By number. */
  readonly points: Map<number, TrackedContent>;
}

export interface SnapshotRecord {
  readonly id: string;
  readonly vm: VmRecord;
  /** Number inside the VM, from 1. */
  readonly number: number;
  spec: SnapshotInventory & { readonly disks: readonly DiskInventory[] };
  /** Of its disks that are tracked, by device key. */
  readonly changeIds: ReadonlyMap<number, string>;
  readonly children: SnapshotRecord[];
}
