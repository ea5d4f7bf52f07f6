import type { InstanceUuid, MoRef } from './identity.ts';
import type { VmHardware } from './vm-hardware.ts';

/** Where a VM is to be made, in words of the user. */
export interface PlaceWish {
  /** ESXi host, as vCenter names it. */
  readonly host: string;
  readonly datastore: string;
  /** Inventory path; undefined: the folder for VMs of the host's datacenter. */
  readonly folder: string | undefined;
  /** Name of a pool of the host's cluster; undefined: its root pool. */
  readonly resourcePool: string | undefined;
}

export interface ImportPlace {
  readonly host: { readonly moRef: MoRef; readonly name: string };
  readonly pool: MoRef;
  readonly folder: MoRef;
  readonly datastore: { readonly name: string; readonly freeBytes: number };
}

export interface NewDisk {
  /** Device key, as in the slots of the hardware. */
  readonly key: number;
  readonly capacityBytes: number;
}

/** A VM to be made, powered off. Its adapters are not connected when it is powered on, unless that is asked for. */
export interface NewVm {
  readonly name: string;
  readonly annotation: string;
  /** Stands in the advanced settings of the VM under `RESTORE_MARK_KEY`. */
  readonly mark: string;
  readonly hardware: VmHardware;
  readonly disks: readonly NewDisk[];
  readonly connectNetwork: boolean;
  /** It takes the place of the VM: BIOS UUID and MAC addresses are as they were. Otherwise it gets its own. */
  readonly takesPlace: boolean;
  /** Settings of its firmware will be uploaded: its configuration names the file. */
  readonly bringsNvram: boolean;
}

/** Advanced setting that names the restore that made a VM. */
export const RESTORE_MARK_KEY = 'snaphook.restore';

/** A VM that a restore has made, or may have made. */
export interface MadeVm {
  readonly moRef: MoRef;
  readonly name: string;
  readonly instanceUuid: InstanceUuid | undefined;
  readonly poweredOff: boolean;
  /** False: vCenter shows no advanced settings of it, as of one that its host cannot read. Whose it is cannot be told. */
  readonly settingsShown: boolean;
  /** What stands under `RESTORE_MARK_KEY`. */
  readonly mark: string | undefined;
}

/** A VM that is there, as far as its disks go. */
export interface VmDisks {
  /** The ESXi host it runs on, or last ran on, as vCenter names it. */
  readonly host: string;
  /** How many more disks its SCSI controllers take, running or not. Those that are shared with other VMs do not count. */
  readonly freePlaces: number;
  /** Of its disks as they are, such as `[datastore] directory/name.vmdk`. */
  readonly files: readonly string[];
  /** These, what they rest on since a VM snapshot was made, and all other files of the VM. */
  readonly uses: readonly string[];
}

/** Names of other VMs. */
export interface FileUsers {
  readonly users: readonly string[];
  /** vCenter does not show which files these use, as of one that its host cannot read: they may be users, too. */
  readonly unreadable: readonly string[];
}

export interface VmIdentity {
  readonly name: string;
  /** `new`: one that no VM has. */
  readonly instanceUuid: InstanceUuid | 'new';
}

/** How an import ended. `aborted`: it never was complete. `over`: it had ended before, complete or not. */
export type ImportEnd = 'aborted' | 'over';

/** An import that vCenter waits for. It ends by `complete` or `abort`, or by itself when nobody keeps it alive any more. */
export interface OpenImport {
  /** The lease, by its id in vCenter. */
  readonly lease: string;
  readonly vm: MoRef;
  /** Sends one disk as a streamOptimized VMDK. `E_RESTORE` when the lease has no place for it, `E_VCENTER*`, and what the stream throws. */
  upload(diskKey: number, stream: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /**
   * Sends the settings of the firmware beside the VM's configuration, under the name that stands in it, and reads them back. `E_VCENTER_RIGHTS`
   * without Datastore.Browse and Datastore.FileManagement.
   */
  writeNvram(content: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Of the whole: vCenter is told with the next sign of life. */
  report(percent: number): void;
  complete(signal: AbortSignal): Promise<void>;
  /** vCenter removes what was made of the VM. */
  abort(signal: AbortSignal): Promise<void>;
}

/**
 * VMs made of images, through vCenter's import (vSphere API: ImportVApp, HttpNfcLease). A change whose answer never came is thrown
 * with `effect: 'unknown'`. Errors: `E_RESTORE`, `E_VCENTER*`, `E_TLS_UNTRUSTED`.
 */
export interface VmImport {
  /** Of its session; undefined where that would give the session away. */
  sessionKey(signal: AbortSignal): Promise<string | undefined>;
  findPlace(wish: PlaceWish, signal: AbortSignal): Promise<ImportPlace>;
  /** Resolves when vCenter is ready for the disks. */
  begin(vm: NewVm, place: ImportPlace, signal: AbortSignal): Promise<OpenImport>;
  /** Of an import of any process. */
  abort(lease: string, signal: AbortSignal): Promise<ImportEnd>;
  /** Undefined when it is gone. */
  vm(vm: MoRef, signal: AbortSignal): Promise<MadeVm | undefined>;
  /** VMs directly in the folder. */
  vmsIn(folder: MoRef, signal: AbortSignal): Promise<readonly MadeVm[]>;
  identify(vm: MoRef, identity: VmIdentity, signal: AbortSignal): Promise<void>;
  /** With its files. Success when it is gone. */
  destroy(vm: MoRef, signal: AbortSignal): Promise<void>;
  /** Undefined when it is gone. */
  disksOf(vm: MoRef, signal: AbortSignal): Promise<VmDisks | undefined>;
  /** Who else uses one of the files in any way, running or not. They are looked for near the VM. */
  usersOf(of: { readonly files: readonly string[]; readonly vm: MoRef }, signal: AbortSignal): Promise<FileUsers>;
  /** Adds disks of existing files in one change, all or none, for good, on free SCSI places. `E_RESTORE` where there are too few. */
  attach(of: { readonly vm: MoRef; readonly files: readonly string[] }, signal: AbortSignal): Promise<void>;
  /** Takes those of these files that are disks of the VM from it. The files stay. */
  detach(of: { readonly vm: MoRef; readonly files: readonly string[] }, signal: AbortSignal): Promise<void>;
  /** Resolves when no task of the VM is queued or running. */
  whenIdle(vm: MoRef, signal: AbortSignal): Promise<void>;
  /** Ends the session; never throws, safe to call twice. */
  close(): Promise<void>;
}
