/** A controller that disks hang on. */
export interface DiskController {
  /** Device key in the VM. */
  readonly key: number;
  /** As vSphere names its type, such as `ParaVirtualSCSIController`. */
  readonly type: string;
  readonly busNumber: number;
}

/** Where a disk hangs. */
export interface DiskSlot {
  /** Device key of the disk. */
  readonly disk: number;
  readonly controller: number;
  readonly unit: number;
}

/** `other`: of a kind that nothing here can connect to again. */
export type AdapterNetwork =
  | { readonly kind: 'standard'; readonly name: string }
  | { readonly kind: 'distributed'; readonly switchUuid: string; readonly portgroupKey: string }
  | { readonly kind: 'other' };

export interface NetworkAdapter {
  readonly label: string;
  /** As vSphere names its type, such as `VirtualVmxnet3`. */
  readonly type: string;
  readonly macAddress: string | undefined;
  /** Who chose the address: `manual`, `generated`, `assigned`. */
  readonly addressType: string | undefined;
  readonly network: AdapterNetwork;
}

/** What a VM is beside the content of its disks, as far as it is built again by a restore. */
export interface VmHardware {
  /** Such as `vmx-19`. */
  readonly version: string | undefined;
  /** Such as `windows2019srv_64Guest`. */
  readonly guestId: string | undefined;
  readonly firmware: 'bios' | 'efi';
  readonly secureBoot: boolean;
  /** A virtual TPM holds keys that no image has. */
  readonly tpm: boolean;
  readonly cpus: number;
  readonly coresPerSocket: number;
  readonly memoryMiB: number;
  /** What the guest sees as its hardware's UUID. */
  readonly biosUuid: string | undefined;
  /** The guest is shown serials of its disks (`disk.EnableUUID`). */
  readonly showsSerials: boolean;
  readonly controllers: readonly DiskController[];
  readonly slots: readonly DiskSlot[];
  readonly adapters: readonly NetworkAdapter[];
}
