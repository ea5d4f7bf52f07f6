import type { SnaphookError } from './errors.ts';
import type { InstanceUuid, MoRef } from './identity.ts';
import type { VmHardware } from './vm-hardware.ts';
import type { VmSnapshot } from './vm-snapshots.ts';
import type { VmTask } from './vm-task.ts';

/**
 * How a user names VMs. The first five mean one VM (`name` and `biosUuid` may match several: that is an error, never a guess),
 * the others any number.
 */
export type VmSelector =
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'instanceUuid'; readonly uuid: InstanceUuid }
  /** What the guest sees as its hardware's UUID; copies of a VM may share it. Lower case, with dashes. */
  | { readonly by: 'biosUuid'; readonly uuid: string }
  | { readonly by: 'moRef'; readonly moRef: MoRef }
  | { readonly by: 'path'; readonly inventoryPath: string }
  /** Every VM in the folder or datacenter of that inventory path and in the folders below. */
  | { readonly by: 'folder'; readonly inventoryPath: string }
  /** Every VM with a file on the datastore: its name, or its inventory path where the name is not unique. */
  | { readonly by: 'datastore'; readonly datastore: string }
  /** Every VM with the tag. */
  | { readonly by: 'tag'; readonly category: string; readonly tag: string }
  /** Every VM whose whole name fits; `*` and `?` match, upper and lower case are the same. */
  | { readonly by: 'pattern'; readonly pattern: string };

/** Where the bytes of a virtual disk live, as far as vCenter knows. */
export type DiskBacking =
  | {
      /** One array device a disk. `objectId` as vCenter shows it (`naa.…`, `rfc4122.…`): which device it is, the array decides. */
      readonly kind: 'vvol';
      readonly objectId: string;
      readonly datastore: string;
      readonly datastoreRef: MoRef;
      /** Storage container of the datastore, `vvol:<hex>-<hex>`. */
      readonly containerId: string | undefined;
      /** Arrays behind the datastore as its VASA provider names them, in words of its own. */
      readonly vasaArrays: readonly string[];
    }
  | {
      /** A file on a VMFS datastore: all extents of the datastore belong together. */
      readonly kind: 'vmfs';
      readonly fileName: string;
      readonly datastore: string;
      readonly datastoreRef: MoRef;
      /** Canonical names (`naa.…`, `eui.…`) of every extent, head extent first. */
      readonly extents: readonly string[];
      /** `HostVmfsVolume.uuid`, such as `5f3c2a10-0b7d9e4c-1a2b-000c29a1b2c3`: it stands on the head extent too. */
      readonly vmfsUuid: string | undefined;
      /** Of the whole datastore; undefined where vCenter shows none. */
      readonly datastoreBytes: number | undefined;
    }
  | {
      /** A whole device. The mapping file on VMFS only points to it and is not captured. */
      readonly kind: 'rdm';
      readonly canonicalName: string;
      readonly compatibilityMode: 'physical' | 'virtual';
      /** Size of the device as the VM's host sees it; undefined when the host does not show it. */
      readonly lunBytes: number | undefined;
      /** Such as `[datastore] vm/disk.vmdk`. */
      readonly mappingFile: string;
    }
  /** vCenter itself gives several answers. */
  | { readonly kind: 'ambiguous'; readonly reason: string; readonly candidates: readonly string[] }
  | { readonly kind: 'unsupported'; readonly reason: string };

/** What stands between a disk and the array, as far as vCenter tells. */
export interface DiskCondition {
  /** What the disk runs on while it has VM snapshots: files or volume ids, the nearest first. */
  readonly chain: readonly string[];
  /** Ids of the IO filters (VAIO) that see every write. What they do with it, the id does not tell. */
  readonly filters: readonly string[];
  /** A cache on the ESXi host. `write-back`: it holds writes that the array does not have yet. */
  readonly hostCache: 'none' | 'write-through' | 'write-back';
  readonly encrypted: boolean;
}

export interface VirtualDisk {
  /** Device key in the VM, stable over its life. */
  readonly key: number;
  /** Such as `Hard disk 1`. */
  readonly label: string;
  readonly capacityBytes: number;
  /** What the guest sees as the disk's serial (`disk.EnableUUID`), 32 lower-case hex digits; undefined when vCenter shows none. */
  readonly guestDiskUuid: string | undefined;
  readonly diskMode: string;
  /** True while the disk runs on a snapshot chain: its newest data are in a delta. */
  readonly onSnapshot: boolean;
  readonly sharedByWriters: boolean;
  readonly backing: DiskBacking;
  readonly condition: DiskCondition;
}

/** How a VM stands beside its disks. */
export interface VmCondition {
  readonly host: MoRef | undefined;
  readonly suspended: boolean;
  /** VMware Tools answer at the moment. */
  readonly toolsRunning: boolean;
  /** Changed block tracking. */
  readonly changeTracking: boolean;
  readonly consolidationNeeded: boolean;
  readonly faultTolerant: boolean;
  readonly encrypted: boolean;
  /** Every VM snapshot, in the order of the tree. */
  readonly snapshots: readonly VmSnapshot[];
  /** Of the last minutes, also those that are over. */
  readonly tasks: readonly VmTask[];
}

export interface VmRecord {
  readonly instanceUuid: InstanceUuid;
  readonly moRef: MoRef;
  readonly name: string;
  readonly poweredOn: boolean;
  readonly template: boolean;
  readonly connected: boolean;
  readonly guestHostName: string | undefined;
  readonly guestAddress: string | undefined;
  /** `windowsGuest`, `linuxGuest` or other text of VMware Tools. */
  readonly guestFamily: string | undefined;
  readonly disks: readonly VirtualDisk[];
  /** Absent where vCenter does not show it. */
  readonly hardware?: VmHardware | undefined;
  readonly condition: VmCondition;
  /** vSphere changes it with every change of the configuration. Absent where it is not shown. */
  readonly changeVersion?: string | undefined;
}

/** Selectors that lead to any number of VMs. */
export const OF_MANY: readonly VmSelector['by'][] = ['folder', 'datastore', 'tag', 'pattern'];

/** A VM that only selectors of many led to, and of which vCenter does not tell what a `VmRecord` needs. */
export interface UnreadableVm {
  /** Its managed object id where not even the name can be read. */
  readonly name: string;
  /** Positions of those selectors. */
  readonly selectors: readonly number[];
  readonly error: SnaphookError;
}

/** A VM that shares a datastore with a selected one. */
export interface DatastoreNeighbour {
  readonly datastoreRef: MoRef;
  readonly instanceUuid: InstanceUuid | undefined;
  /** Its managed object id where the account may not read its name. */
  readonly name: string;
  /** Undefined where it cannot be read. */
  readonly poweredOn: boolean | undefined;
  /**
   * Of its files on the datastore, without swap and without what a raw device mapping only points to. 0: only swap or an image
   * in one of its drives is there. Undefined: not told.
   */
  readonly bytes: number | undefined;
}

/** The files that make a VM, as they lie on its datastore. */
export interface VmConfiguration {
  /** Of the VM's configuration, just before the files were read: vSphere changes it with every change. */
  readonly changeVersion: string;
  readonly vmx: Uint8Array;
  /** Settings of its firmware; undefined: vCenter shows none, as of a VM that was never powered on. */
  readonly nvram: Uint8Array | undefined;
}

export interface HypervisorFacts {
  readonly product: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly instanceUuid: string;
}

/**
 * vCenter, read-only for the `snapvx` route. One session for the whole life of the object; `close` logs out on every path.
 * Errors: `E_VCENTER_LOGIN`, `E_VCENTER_RIGHTS`, `E_VCENTER_UNREACHABLE`, `E_TLS_UNTRUSTED`, `E_VCENTER`.
 */
export interface Hypervisor {
  facts(signal: AbortSignal): Promise<HypervisorFacts>;
  /**
   * Result i holds every VM that selector i matches and no excluding one does: none, one or several. Templates are included.
   * A VM that cannot be read is an error; where `leaveOut` is given and no selector means this one VM, it is told there and left out.
   * Also `E_VM_AMBIGUOUS`: a selector names a datastore or tag that there are several of.
   */
  findVms(
    selectors: readonly VmSelector[],
    signal: AbortSignal,
    excluding?: readonly VmSelector[],
    leaveOut?: (vm: UnreadableVm) => void,
  ): Promise<readonly (readonly VmRecord[])[]>;
  /** Every VM with a file on one of the datastores, the selected ones included. */
  vmsOnDatastores(datastores: readonly MoRef[], signal: AbortSignal): Promise<readonly DatastoreNeighbour[]>;
  /** In the order of the VMs; an error in place of what cannot be read. */
  readConfigurations(vms: readonly MoRef[], signal: AbortSignal): Promise<readonly (VmConfiguration | SnaphookError)[]>;
  /** Names our session to vCenter, for `endSession` in another process; no secret. Undefined where it would be one. */
  sessionKey(signal: AbortSignal): Promise<string | undefined>;
  /** Ends a session of another process of ours. Success when it is gone. `E_VCENTER_RIGHTS`: the account may not end sessions. */
  endSession(key: string, signal: AbortSignal): Promise<void>;
  /** Ends the session; never throws, safe to call twice. */
  close(): Promise<void>;
}
