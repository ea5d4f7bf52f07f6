import type { BlockDevice } from '../devices/block-device.ts';
import { stableHex } from './properties/stable-ids.ts';

/** What the array does for vVols when vSphere asks it through the VASA provider. Volumes are named by their object ids. */
export interface VirtualVolumes {
  /** One point in time of all of them; returns the id of each one's snapshot volume. */
  snapshot(objectIds: readonly string[]): readonly string[];
  /** A snapshot volume, or a volume that `copy` or `create` made. */
  remove(objectId: string): void;
  /** A new volume with the content of each of these; returns their ids. */
  copy(objectIds: readonly string[]): readonly string[];
  /** The volume gets the content of its snapshot back. */
  revert(objectId: string, snapshotId: string): void;
  /** A new volume of zeros; returns its id. */
  create(capacityBytes: number): string;
  write(objectId: string, atBytes: number, bytes: Buffer): void;
  /** From the begin of a volume, or of a point in time of one. Undefined: volumes have no content here. */
  read(objectId: string, lengthBytes: number): Buffer | undefined;
}

export interface HotAddedDisk {
  /** What the guest sees as its serial, `6000C29x-…`. */
  readonly uuid: string;
  /** The vVol, or the snapshot volume, it shows; undefined for a file of a VMFS or NFS datastore. */
  readonly objectId: string | undefined;
  readonly capacityBytes: number;
}

/** The guest operating system of a VM whose disks come and go. */
export interface HotPlug {
  appeared(vm: string, disk: HotAddedDisk): void;
  vanished(vm: string, disk: HotAddedDisk): void;
}

/** A device as an adapter of an ESXi host reaches it. */
export interface ReachedDevice {
  /** `naa.` and 32 hex digits. */
  readonly canonicalName: string;
  readonly lun: number;
  readonly content: BlockDevice;
}

/** What the adapters of ESXi hosts reach at this moment; a host knows of it what its last scan found. */
export interface HostPaths {
  /** Undefined: nothing is known of this host's paths, and its list of devices stays as the inventory has it. */
  reached(host: string): readonly ReachedDevice[] | undefined;
}

/** Volumes without content, for a vCenter that stands alone. */
export function contentlessVolumes(): VirtualVolumes {
  let taken = 0;
  return {
    snapshot: (objectIds) => {
      taken += 1;
      return objectIds.map((id) => `naa.${stableHex(`${id}/${taken}`, 32)}`);
    },
    remove: () => undefined,
    copy: (objectIds) => {
      taken += 1;
      return objectIds.map((id) => `naa.${stableHex(`copy of ${id}/${taken}`, 32)}`);
    },
    revert: () => undefined,
    create: (capacityBytes) => {
      taken += 1;
      return `naa.${stableHex(`${capacityBytes}/${taken}`, 32)}`;
    },
    write: () => undefined,
    read: () => undefined,
  };
}
