import type { ExposureHelper } from '../ports/exposures.ts';
import type { PreparedGuest } from '../ports/guest.ts';
import type { DeviceId, InstanceUuid, MoRef } from '../ports/identity.ts';
import type { DiskSignature } from '../ports/proxy.ts';
import type { SnapshotDisk } from '../ports/vm-snapshots.ts';
import type { Collateral } from './captured-neighbours.ts';
import type { GradedVm, VmEvidence } from './grade.ts';

/** What the step `guests` journals of one VM. */
export interface PreparedVm {
  readonly vm: InstanceUuid;
  readonly guest: PreparedGuest;
}

export interface GuestsResult {
  readonly prepared: readonly PreparedVm[];
}

/** What the step `capture` journals of one VM. */
export interface CapturedVm extends GradedVm {
  readonly vm: InstanceUuid;
  readonly evidence: VmEvidence;
}

/** Who was on the captured datastores just before the freeze, where the job lets others come (`collateral: warn`). */
export interface LatestNeighbours {
  readonly collateral: readonly Collateral[];
  /** What is different from the plan, in words. */
  readonly news: readonly string[];
}

export interface CaptureResult {
  readonly snapId: number | undefined;
  readonly lengthMs: number;
  /** The array's own time for the establish; its whole call as we saw it when it does not tell. On the route `managed` the longest VM snapshot. */
  readonly arrayMs: number;
  readonly freezeMs: number;
  readonly thawMs: number;
  readonly vms: readonly CapturedVm[];
  /** Absent where the plan's list is the whole truth. */
  readonly neighbours?: LatestNeighbours;
}

/** The snapshot that the step `managed-capture` took of one VM. */
export interface TakenVmSnapshot {
  readonly vm: InstanceUuid;
  readonly moRef: MoRef;
  /** The VM had no other one. Absent in journals of earlier versions. */
  readonly isOnly?: boolean;
  readonly disks: readonly SnapshotDisk[];
}

export interface ManagedCaptureResult extends CaptureResult {
  readonly snapshots: readonly TakenVmSnapshot[];
}

/** File systems that the step `mount` handed over; each is in the manifest. */
export interface MountResult {
  readonly mounted: number;
  /** With those that hold no files or were accepted as not readable. */
  readonly volumes: number;
  /** What may hold files and is not handed over. Absent in journals of earlier versions. */
  readonly gaps?: number;
}

/** Disks that the step `expose` handed over; each is in the manifest. */
export interface ExposeResult {
  readonly helper: ExposureHelper;
  readonly disks: number;
}

/** The copied datastore under its new signature. */
export interface DatastoreResult {
  readonly moRef: MoRef;
  readonly name: string;
  readonly vmfsUuid: string;
}

/** The VM that was registered on it, or that vCenter copied. */
export interface RegisterResult {
  readonly vm: MoRef;
  readonly name: string;
}

/** Devices that hold what a kept snapshot has of them. */
export interface RestoreResult {
  readonly devices: readonly DeviceId[];
}

/** The targets as the proxy sees them. */
export interface DevicesResult {
  readonly devices: readonly SeenTarget[];
}

export interface SeenTarget {
  readonly target: DeviceId;
  readonly path: string;
  /** Absent in journals of earlier versions. */
  readonly signature?: DiskSignature;
}

/** A VM that was made of images. */
export interface ImportResult {
  readonly vm: MoRef;
  /** Of its disks, where another VM is to get them. */
  readonly files: readonly string[];
}
