import type { ByteRange } from './byte-range.ts';
import type { HostDatastore } from './host-storage.ts';
import type { MoRef } from './identity.ts';
import type { VmTask } from './vm-task.ts';

/** One snapshot in the tree of a VM. */
export interface VmSnapshot {
  readonly vm: MoRef;
  readonly moRef: MoRef;
  readonly name: string;
  readonly description: string;
  /** When vCenter says it was taken, in milliseconds since 1970. */
  readonly createdAtMs: number | undefined;
  /** VMware Tools quiesced the guest for it, as vCenter tells. */
  readonly quiesced: boolean;
  /** The VM has no other one: there is nothing older that it could be reverted to. */
  readonly isOnly: boolean;
}

/** A disk as it is in a snapshot. */
export interface SnapshotDisk {
  /** Device key in the VM. */
  readonly key: number;
  /** What a guest sees as its serial, 32 lower-case hex digits; the same in every state of the disk. */
  readonly diskUuid: string | undefined;
  /** `[datastore] directory/name.vmdk` of the point in time. */
  readonly fileName: string;
  readonly capacityBytes: number;
  /** What changed block tracking calls this point in time. Absent: changes of the disk are not tracked. */
  readonly changeId?: string;
}

/** A VM that may be a copy of ours. */
export interface VmCopy {
  readonly moRef: MoRef;
  readonly name: string;
  readonly poweredOff: boolean;
  /** What `copy` gave it; a copy of the copy has the same. */
  readonly mark: string | undefined;
  /** A file of its disks outside of its own folder: somebody added the disk, or moved it. It would be deleted with the VM. */
  readonly strayFile: string | undefined;
}

/** The VM this machine runs in, as far as adding disks goes. */
export interface ProxyVmFacts {
  readonly poweredOn: boolean;
  /** `disk.EnableUUID`: the guest is shown the serials of its disks. */
  readonly showsSerials: boolean;
  /** How many more disks its SCSI controllers can take. */
  readonly freePlaces: number;
  readonly disks: readonly {
    readonly diskUuid: string | undefined;
    readonly fileName: string;
    /** Independent and non-persistent, as disks are added by `attach`. */
    readonly isDiscarding: boolean;
  }[];
}

/** The ESXi host a VM runs on, as far as opening files goes. */
export interface HostOfVm {
  /** As vCenter names it. */
  readonly name: string;
  /** Every datastore that it mounts. */
  readonly datastores: readonly HostDatastore[];
}

/**
 * vCenter as the route `managed` changes it: snapshots of VMs, their disks added to the VM of this machine and removed again, and VMs
 * copied out of them.
 * A disk is added as independent and non-persistent: what is written to it is thrown away.
 *
 * Each call waits for its task to end, and for a task that is in its way. A change whose answer never came, or that was given up
 * waiting for, is thrown with `effect: 'unknown'` and not repeated: the core looks. `remove`, `detach` and `destroy` look themselves.
 * Errors: those of `Hypervisor`; `E_FREEZE_FAILED` when VMware Tools cannot quiesce the guest; `E_PROXY_DEVICE` when the proxy VM
 * cannot take a disk.
 */
export interface VmSnapshots {
  /** Logs in; names the session to vCenter, as `Hypervisor.sessionKey` does. */
  sessionKey(signal: AbortSignal): Promise<string | undefined>;
  /** Disks only, no memory. `quiesce`: by VMware Tools in such a guest, in Windows as a copy backup; undefined: not at all. */
  create(
    request: {
      readonly vm: MoRef;
      readonly name: string;
      readonly description: string;
      readonly quiesce: 'windows' | 'other' | undefined;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** Resolves when no task of the VM is queued or running. At once for a VM that is gone. */
  whenIdle(vm: MoRef, signal: AbortSignal): Promise<void>;
  /** Of the last minutes, also those that are over; none for a VM that is gone. */
  tasksOf(vm: MoRef, signal: AbortSignal): Promise<readonly VmTask[]>;
  /** Snapshots of exactly this name; none for a VM that is gone. */
  find(request: { readonly vm: MoRef; readonly name: string }, signal: AbortSignal): Promise<readonly VmSnapshot[]>;
  /** Snapshots of every VM whose name begins so: what `reap` compares with the journals. */
  list(request: { readonly namePrefix: string }, signal: AbortSignal): Promise<readonly VmSnapshot[]>;
  /** Disks that are part of the snapshot: independent ones and physical raw devices are not. */
  disksOf(snapshot: MoRef, signal: AbortSignal): Promise<readonly SnapshotDisk[]>;
  /**
   * Where a disk may differ in the snapshot from what it was at `changeId`, ascending and apart from one another. vCenter may name more
   * than was changed. Errors besides: `E_VCENTER` where it does not tell, or not of the whole disk.
   */
  changedAreas(
    of: {
      readonly vm: MoRef;
      readonly snapshot: MoRef;
      readonly key: number;
      readonly capacityBytes: number;
      readonly changeId: string;
    },
    signal: AbortSignal,
  ): Promise<readonly ByteRange[]>;
  /**
   * Removes one snapshot and leaves those above it. Success when it is gone, also when its data could not be merged: then
   * `consolidationNeeded` says so.
   */
  remove(snapshot: VmSnapshot, signal: AbortSignal): Promise<void>;
  /** Data of a removed snapshot are still there because a file was in use. False for a VM that is gone. */
  consolidationNeeded(vm: MoRef, signal: AbortSignal): Promise<boolean>;
  consolidate(vm: MoRef, signal: AbortSignal): Promise<void>;
  proxyVm(vm: MoRef, signal: AbortSignal): Promise<ProxyVmFacts>;
  /** Where the proxy VM runs: files of other datastores cannot be added to it. */
  hostOfProxyVm(vm: MoRef, signal: AbortSignal): Promise<HostOfVm>;
  /**
   * Adds the disks of these files in one change, on places chosen here. A file that is in use is refused with the VM that has it as a
   * disk, where vCenter shows one.
   */
  attach(request: { readonly proxyVm: MoRef; readonly files: readonly string[] }, signal: AbortSignal): Promise<void>;
  /**
   * Removes those of these files that the proxy VM has as independent, non-persistent disks, and no other disk; never deletes a
   * file. Success when there is none, or no such VM.
   */
  detach(request: { readonly proxyVm: MoRef; readonly files: readonly string[] }, signal: AbortSignal): Promise<void>;
  /** A whole copy of the VM as it was, powered off, with a mark of ours. Takes as long as copying its disks does. */
  copy(
    request: {
      readonly vm: MoRef;
      readonly snapshot: MoRef;
      readonly name: string;
      readonly folder: MoRef;
      readonly pool: MoRef;
      readonly host: MoRef;
      readonly datastore: MoRef;
      readonly mark: string;
      /** For people, where vCenter shows the notes of the VM. */
      readonly notes: string;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** The VM of exactly this name directly in the folder. */
  vmIn(of: { readonly folder: MoRef; readonly name: string }, signal: AbortSignal): Promise<VmCopy | undefined>;
  /** Undefined when it is gone. */
  vm(vm: MoRef, signal: AbortSignal): Promise<VmCopy | undefined>;
  /** Every VM whose notes begin so. */
  vmsWithNotes(
    of: { readonly prefix: string },
    signal: AbortSignal,
  ): Promise<readonly { readonly moRef: MoRef; readonly name: string; readonly notes: string }[]>;
  /** Removes a VM that is powered off, with its files. Success when it is gone. */
  destroy(vm: MoRef, signal: AbortSignal): Promise<void>;
  /** Ends the session; never throws. The next call opens another. */
  close(): Promise<void>;
}
