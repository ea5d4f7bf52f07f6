import type { ArrayId, DeviceId, InstanceUuid } from '../ports/identity.ts';

/** A kept snapshot whose journal was lost: what the array tells of it, and which VMs vCenter showed on its devices when it was found. */
export interface FoundSnapshot {
  readonly array: ArrayId;
  readonly name: string;
  readonly snapId: number | undefined;
  readonly devices: readonly DeviceId[];
  /** ISO time of the array. */
  readonly createdAt: string;
  /** As they are now: whose the devices were when the snapshot was made, nobody knows any more. */
  readonly vms: readonly FoundVm[];
}

export interface FoundVm {
  readonly name: string;
  readonly instanceUuid: InstanceUuid;
  readonly disks: readonly { readonly label: string; readonly devices: readonly DeviceId[] }[];
}

/** Stands in the journal in place of the job's name, which is lost. */
export const FOUND_JOB = 'found-on-array';
