/** What a simulated vCenter holds when it starts. Plain data; names are what the UI shows, unescaped. */
export interface VcenterInventory {
  /** `about.instanceUuid`. */
  readonly instanceUuid: string;
  readonly datacenters: readonly DatacenterInventory[];
  readonly tagCategories?: readonly TagCategoryInventory[];
}

/** Served by the REST API only. */
export interface TagCategoryInventory {
  readonly name: string;
  readonly tags: readonly string[];
}

export interface DatacenterInventory {
  readonly name: string;
  /** VM folders below the datacenter's `vm` folder; those named by VMs are created anyway. */
  readonly vmFolders?: readonly VmFolderInventory[];
  readonly clusters: readonly ClusterInventory[];
  readonly datastores: readonly DatastoreInventory[];
  readonly vms: readonly VmInventory[];
}

export interface VmFolderInventory {
  readonly name: string;
  readonly folders?: readonly VmFolderInventory[];
}

export interface ClusterInventory {
  readonly name: string;
  readonly hosts: readonly HostInventory[];
  /** Pools below the cluster's root pool. */
  readonly resourcePools?: readonly string[];
}

export interface HostInventory {
  readonly name: string;
  /** BIOS uuid. */
  readonly uuid: string;
  readonly connectionState?: 'connected' | 'notResponding' | 'disconnected';
  readonly maintenanceMode?: boolean;
  readonly scsiLuns: readonly ScsiLunInventory[];
  readonly hbas?: readonly HbaInventory[];
  /** Standard networks; default `VM Network` alone. */
  readonly networks?: readonly string[];
}

export interface ScsiLunInventory {
  /** `naa.` and 32 hex digits for an array's SCSI device. */
  readonly canonicalName: string;
  readonly capacityBytes: number;
  /** LUN number the host sees; part of the `vml.` name. Default 0. */
  readonly lun?: number;
  /** Default derived from canonical name and LUN number the way ESXi builds it. */
  readonly uuid?: string;
  /** Default `EMC` with trailing blanks, as the device reports it. */
  readonly vendor?: string;
  /** Default `SYMMETRIX` with trailing blanks. */
  readonly model?: string;
  /** Default `['ok']`. */
  readonly operationalState?: readonly string[];
  readonly protocolEndpoint?: boolean;
}

export interface HbaInventory {
  /** Such as `vmhba2`. */
  readonly device: string;
  /** 16 hex digits. */
  readonly portWwn: string;
  readonly nodeWwn: string;
}

interface DatastoreCommon {
  readonly name: string;
  readonly capacityBytes: number;
  readonly freeBytes?: number;
  /** Names of the hosts that mount it; default: every host of the datacenter. */
  readonly hosts?: readonly string[];
  readonly accessible?: boolean;
  /** Names of hosts that mount it and do not reach it at the moment: all paths down, or no protocol endpoint. */
  readonly unreachedBy?: readonly string[];
  readonly maintenanceMode?: 'normal' | 'enteringMaintenance' | 'inMaintenance';
}

export interface VmfsDatastoreInventory extends DatastoreCommon {
  readonly type: 'VMFS';
  /** Canonical names of all extents, head extent first. */
  readonly extents: readonly string[];
  /** Such as `5f3c…-…`; default derived from the head extent. */
  readonly vmfsUuid?: string;
}

export interface VvolDatastoreInventory extends DatastoreCommon {
  readonly type: 'VVOL';
  /** Storage container, `vvol:<16hex>-<16hex>`. */
  readonly containerId: string;
  readonly storageArrays: readonly VasaArrayInventory[];
}

interface NfsDatastoreInventory extends DatastoreCommon {
  readonly type: 'NFS';
  readonly remoteHost: string;
  readonly remotePath: string;
}

interface VasaArrayInventory {
  readonly name: string;
  /** As the VASA provider reports it, such as `com.emc:000197900123`. */
  readonly uuid: string;
  readonly vendorId: string;
  readonly modelId: string;
}

export type DatastoreInventory = VmfsDatastoreInventory | VvolDatastoreInventory | NfsDatastoreInventory;

export interface VmInventory {
  readonly name: string;
  /** Folder names from the datacenter's `vm` folder down; default: directly in it. */
  readonly folder?: readonly string[];
  /** Name of a host of the same datacenter. */
  readonly host: string;
  /** Name of a pool of the host's cluster; default: the root pool. */
  readonly resourcePool?: string;
  readonly instanceUuid: string;
  readonly biosUuid: string;
  readonly powerState: PowerState;
  readonly template?: boolean;
  readonly connectionState?: 'connected' | 'disconnected' | 'orphaned' | 'inaccessible' | 'invalid';
  readonly annotation?: string;
  readonly guest?: GuestInventory;
  readonly disks: readonly DiskInventory[];
  /** Types of the disk controllers by key; default `ParaVirtualSCSIController` for keys 1000 to 1003. */
  readonly controllers?: readonly ControllerInventory[];
  readonly snapshots?: readonly SnapshotInventory[];
  /** Path of the .vmx; default on the datastore of the first disk. */
  readonly vmPathName?: string;
  /** Config vVol of a VM whose home is on a vVol datastore. */
  readonly vmStorageObjectId?: string;
  readonly swapStorageObjectId?: string;
  readonly changeTrackingEnabled?: boolean;
  readonly consolidationNeeded?: boolean;
  /** `disk.EnableUUID`. */
  readonly diskUuidEnabled?: boolean;
  readonly guestId?: string;
  /** Default `efi`. */
  readonly firmware?: 'bios' | 'efi';
  readonly secureBoot?: boolean;
  readonly adapters?: readonly AdapterInventory[];
  /** Virtual hardware; default `vmx-19`. */
  readonly version?: string;
  readonly cpus?: number;
  readonly coresPerSocket?: number;
  readonly memoryMb?: number;
  /** `Category/Tag`, of the inventory's categories. */
  readonly tags?: readonly string[];
  /** Default `notConfigured`. */
  readonly faultToleranceState?: 'notConfigured' | 'enabled' | 'running';
  /** Encrypted with this key. */
  readonly keyId?: string;
  /** Advanced settings by key, such as `uuid.action`. */
  readonly extraConfig?: Readonly<Record<string, string>>;
  /** Settings of the firmware in the folder of the VM, by file name; default: what a VM wrote that was powered on. */
  readonly nvramFiles?: Readonly<Record<string, Buffer>>;
  /** Custom attributes by name. */
  readonly customValues?: Readonly<Record<string, string>>;
}

export type PowerState = 'poweredOn' | 'poweredOff' | 'suspended';

export interface GuestInventory {
  /** `windowsGuest`, `linuxGuest`, … */
  readonly family?: string;
  readonly fullName?: string;
  readonly hostName?: string;
  readonly ipAddress?: string;
  readonly toolsRunningStatus: 'guestToolsRunning' | 'guestToolsNotRunning' | 'guestToolsExecutingScripts';
  readonly guestOperationsReady?: boolean;
  /** What comes of a quiesced snapshot; default `works`. */
  readonly quiesce?: 'works' | 'application-fails' | 'file-system-fails';
}

export interface ControllerInventory {
  readonly key: number;
  readonly type:
    | 'ParaVirtualSCSIController'
    | 'VirtualLsiLogicController'
    | 'VirtualLsiLogicSASController'
    | 'VirtualBusLogicController'
    | 'VirtualAHCIController'
    | 'VirtualNVMEController';
  readonly sharedBus?: 'noSharing' | 'virtualSharing' | 'physicalSharing';
}

export interface AdapterInventory {
  readonly type: 'VirtualVmxnet3' | 'VirtualE1000' | 'VirtualE1000e';
  /** A standard network of the host. */
  readonly network: string;
  readonly macAddress: string;
  readonly addressType: 'manual' | 'generated' | 'assigned';
  /** At power-on. */
  readonly startConnected: boolean;
}

export interface DiskInventory {
  /** Device key, such as 2000. */
  readonly key: number;
  /** Such as `Hard disk 1`. */
  readonly label: string;
  readonly controllerKey: number;
  readonly unitNumber: number;
  readonly capacityBytes: number;
  /** What the guest sees, `6000C29x-…`. Default derived from VM and key. */
  readonly uuid?: string;
  /** Default `persistent`. */
  readonly diskMode?: string;
  /** Default `sharingNone`. */
  readonly sharing?: string;
  /** IO filters every write passes, such as `VENDOR_cache_1.0.0`. */
  readonly ioFilters?: readonly string[];
  readonly hostCache?: { readonly mode: 'write_thru' | 'write_back'; readonly reservationMb: number };
  /** Encrypted with this key. */
  readonly keyId?: string;
  readonly backing: DiskBackingInventory;
}

/** `parent` is the next older element of a snapshot chain. */
export type DiskBackingInventory =
  | {
      readonly kind: 'vvol';
      readonly datastore: string;
      readonly backingObjectId: string;
      readonly fileName: string;
      readonly parent?: DiskBackingInventory;
    }
  | {
      readonly kind: 'vmfs' | 'nfs' | 'seSparse' | 'sparseVer2' | 'flatVer1';
      readonly datastore: string;
      readonly fileName: string;
      readonly thin?: boolean;
      readonly parent?: DiskBackingInventory;
    }
  | {
      readonly kind: 'rdm';
      readonly datastore: string;
      /** The mapping file. */
      readonly fileName: string;
      readonly lunUuid: string;
      /** `vml.…`. */
      readonly deviceName: string;
      readonly compatibilityMode: 'physicalMode' | 'virtualMode';
      /** Of virtual mode only: what is written since a VM snapshot goes to a file. */
      readonly parent?: DiskBackingInventory;
    }
  | { readonly kind: 'localPMem'; readonly datastore: string; readonly fileName: string }
  | { readonly kind: 'rawDiskVer2'; readonly deviceName: string; readonly descriptorFileName: string };

export interface SnapshotInventory {
  readonly name: string;
  readonly description?: string;
  readonly quiesced?: boolean;
  /** ISO time; default the start of the lab. */
  readonly createTime?: string;
  /** The VM runs on top of this one. */
  readonly current?: boolean;
  /** Disks as they were; default: the elements below the VM's present disks. */
  readonly disks?: readonly DiskInventory[];
  readonly children?: readonly SnapshotInventory[];
}
