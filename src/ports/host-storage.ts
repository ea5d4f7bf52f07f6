import type { MoRef } from './identity.ts';

/** An ESXi host that may show copies of volumes. */
export interface EsxiHost {
  readonly moRef: MoRef;
  readonly name: string;
  /** Why it cannot be used at the moment; undefined when it can. */
  readonly unusable: string | undefined;
  readonly datacenter: MoRef;
  /** Root resource pool of its cluster, or of the host itself. */
  readonly rootPool: MoRef;
}

/** A datastore that a host mounts. */
export interface HostDatastore {
  readonly moRef: MoRef;
  readonly name: string;
  /** The host reaches its storage at the moment. */
  readonly accessible: boolean;
}

/** Where a VM lies in the inventory and on its datastore. */
export interface VmHome {
  /** Such as `[datastore] vm/vm.vmx`. */
  readonly vmPathName: string;
  /** Undefined for a VM in a vApp. */
  readonly folder: MoRef | undefined;
  readonly datacenter: MoRef;
}

/** A device as the host's last scan found it. `detached`: by an administrator, or by us; `dead`: in use and not reached any more. */
export interface HostDevice {
  readonly canonicalName: string;
  readonly state: 'ok' | 'detached' | 'dead';
}

/** A VMFS volume the host has found on devices that are not its own: not mounted, and not to be as it is while the original is. */
export interface UnresolvedCopy {
  readonly label: string;
  /** Of the file system, the same as the original's. */
  readonly vmfsUuid: string;
  readonly extents: readonly { readonly canonicalName: string; readonly devicePath: string }[];
  /** Why the host cannot tell which devices make it up; undefined when it can. */
  readonly unresolvable: 'incomplete-extents' | 'multiple-copies' | 'other' | undefined;
}

/** A VM with files on a datastore. */
export interface VmOnDatastore {
  readonly moRef: MoRef;
  readonly name: string;
  /** Undefined where the account may not read it. */
  readonly vmPathName: string | undefined;
  readonly poweredOff: boolean;
}

/** A VMFS datastore, found by the devices it lies on. */
export interface DatastoreOnDevices {
  readonly moRef: MoRef;
  readonly name: string;
  readonly vmfsUuid: string;
  /** Canonical names, head extent first. */
  readonly extents: readonly string[];
  readonly hosts: readonly { readonly host: MoRef; readonly mounted: boolean }[];
  readonly vms: readonly VmOnDatastore[];
}

/**
 * Storage of ESXi hosts, changed through vCenter, and VMs registered on it. Devices are meant by canonical name alone, datastores
 * by the devices they lie on, never by label.
 * A change whose answer never came is thrown with `effect: 'unknown'`. Errors: `E_VCENTER*`, `E_CLONE`.
 */
export interface HostStorage {
  /** Of its session; undefined where that would give the session away. */
  sessionKey(signal: AbortSignal): Promise<string | undefined>;
  /** The one host of that name. */
  findHost(name: string, signal: AbortSignal): Promise<EsxiHost>;
  datastoresOf(host: MoRef, signal: AbortSignal): Promise<readonly HostDatastore[]>;
  homeOf(vm: MoRef, signal: AbortSignal): Promise<VmHome>;
  /** The VM folder of that inventory path, and the datacenter it is in. */
  findFolder(
    inventoryPath: string,
    signal: AbortSignal,
  ): Promise<{ readonly folder: MoRef; readonly datacenter: MoRef }>;
  /** Resolves when no task that is known now is at work on the host or in the folder. */
  whenIdle(of: { readonly host: MoRef; readonly folder: MoRef }, signal: AbortSignal): Promise<void>;
  /** Adapters, then volumes. Takes seconds to minutes. */
  rescan(host: MoRef, signal: AbortSignal): Promise<void>;
  /** Those of these devices that the host has found. */
  devices(host: MoRef, canonicalNames: readonly string[], signal: AbortSignal): Promise<readonly HostDevice[]>;
  unresolvedCopies(host: MoRef, signal: AbortSignal): Promise<readonly UnresolvedCopy[]>;
  /** Writes a new identity onto the devices of these paths, and mounts the volume. Irreversible. */
  resignature(host: MoRef, devicePaths: readonly string[], signal: AbortSignal): Promise<void>;
  /** Every datastore with an extent on one of these devices, mounted or not. */
  datastoresOn(canonicalNames: readonly string[], signal: AbortSignal): Promise<readonly DatastoreOnDevices[]>;
  /** Success also when it is not mounted. */
  unmount(host: MoRef, vmfsUuid: string, signal: AbortSignal): Promise<void>;
  /** Success also when it is detached or unknown. Only then may it be taken away from the host. */
  detach(host: MoRef, canonicalName: string, signal: AbortSignal): Promise<void>;
  /** The host remembers no more that device and volume were detached and unmounted: they may come back as something else. */
  forget(
    host: MoRef,
    what: { readonly canonicalNames: readonly string[]; readonly vmfsUuid: string | undefined },
    signal: AbortSignal,
  ): Promise<void>;
  /** Puts a VM into the inventory; its files stay as they are, and it stays powered off. */
  register(
    request: {
      readonly vmPathName: string;
      readonly name: string;
      readonly folder: MoRef;
      readonly pool: MoRef;
      readonly host: MoRef;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** A registered copy gets identities of its own, and is told that it is a copy before it asks. */
  giveIdentity(vm: MoRef, signal: AbortSignal): Promise<void>;
  /** Every file its disks consist of, down to the bottom of their chains; raw devices by their mapping file. */
  diskFiles(vm: MoRef, signal: AbortSignal): Promise<readonly string[]>;
  /** Takes the VM out of the inventory and touches none of its files. Success also when it is not there. */
  unregister(vm: MoRef, signal: AbortSignal): Promise<void>;
  /** Logs out; the next call logs in again. */
  close(): Promise<void>;
}
