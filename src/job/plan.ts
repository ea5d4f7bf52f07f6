import type { BackupType, FreezeStrategy, HoldMode } from '../ports/guest.ts';
import type { ArrayId, DeviceId, InstanceUuid, MoRef, RunId, Wwn } from '../ports/identity.ts';
import type { ImageFormat } from '../ports/images.ts';
import type { ArrayFacts, NewDevices } from '../ports/storage-array.ts';
import type { VmHardware } from '../ports/vm-hardware.ts';
import type { Collateral } from './captured-neighbours.ts';
import type { EstablishForecast } from './establish-forecast.ts';
import type { JobContext, JobSpec, RouteName } from './job-spec.ts';
import type { CaptureResult } from './results.ts';
import type { VmNote } from './vm-notes.ts';

export const TRACK_BYTES = 131_072;
export const CYLINDER_BYTES = 15 * TRACK_BYTES;

export const bytesOfCylinders = (cylinders: number): number => cylinders * CYLINDER_BYTES;

export interface PlannedDisk {
  readonly key: number;
  readonly label: string;
  readonly capacityBytes: number;
  readonly guestDiskUuid: string | undefined;
  readonly storage: 'vvol' | 'vmfs' | 'rdm';
  /** Other VMs may write to it too. */
  readonly sharedByWriters: boolean;
  /** An IO filter or a cache on the host may have writes that the array does not have. */
  readonly mayHoldWritesBack: boolean;
  /** Devices that hold it: one, or every extent of its datastore. */
  readonly devices: readonly DeviceId[];
}

export interface PlannedVm {
  readonly instanceUuid: InstanceUuid;
  readonly moRef: MoRef;
  readonly name: string;
  readonly address: string | undefined;
  readonly freeze: FreezeStrategy | 'vmware-tools' | 'none';
  /** Of `vss-provider`. Absent: as the settings of the guest say. */
  readonly hold?: HoldMode | undefined;
  /** The guest lets go by itself after this. Absent: nothing is held, or a journal does not tell. */
  readonly leaseMs?: number | undefined;
  /** Absent: `copy`. */
  readonly backupType?: BackupType | undefined;
  /** Why it is frozen in this way, where there was a choice. */
  readonly freezeBecause?: string | undefined;
  /** `neighbour`: not of the job, but on a datastore that is captured whole, and frozen with it (`collateral: prepare`). */
  readonly role: 'selected' | 'neighbour';
  /** The job's selectors that led to it, as they were written; none of a neighbour. */
  readonly selectedBy: readonly string[];
  /** Changed block tracking is on. */
  readonly changeTracking: boolean;
  readonly notes: readonly VmNote[];
  /** Where its data lay when it was planned: `layoutOf`. */
  readonly layout: readonly string[];
  /** What a restore builds the VM of; absent where vCenter did not show it. */
  readonly hardware?: VmHardware | undefined;
  readonly disks: readonly PlannedDisk[];
}

/** One device of the snapshot set. */
export interface CapturedDevice {
  readonly device: DeviceId;
  readonly wwn: Wwn;
  /** `disk`: the device is one virtual disk. `datastore`: it is an extent of a VMFS datastore and holds many. */
  readonly holds: 'disk' | 'datastore';
  /** Of an extent: its datastore, and the uuid that vCenter shows of the VMFS on it. */
  readonly datastore?: { readonly name: string; readonly vmfsUuid: string | undefined } | undefined;
  /** Undefined in journals that do not tell. */
  readonly cylinders?: number;
}

/** One device of the snapshot set, the target that will show it, and the image made from it. */
export interface PlannedDevice extends CapturedDevice {
  readonly target: DeviceId;
  readonly targetWwn: Wwn;
  /** The target has to be added to the presented storage group for the length of the run. */
  readonly presentNeeded: boolean;
  readonly imagePath: string;
  /** Bytes of the image: the virtual disk's size, or the whole device of a datastore. */
  readonly imageBytes: number;
}

export interface Route {
  readonly name: RouteName;
  /** Why this one. */
  readonly because: string;
}

/** A disk that the VM of this machine is given for the length of a run, out of a VM snapshot. */
export interface ManagedDisk {
  readonly vm: InstanceUuid;
  /** Device key in its own VM. */
  readonly key: number;
  readonly label: string;
  /** Under what serial the proxy sees it: a virtual disk shows it in the form of a WWN. */
  readonly diskUuid: Wwn;
  readonly imagePath: string;
  readonly imageBytes: number;
}

export interface ManagedPlan {
  readonly proxyVm: { readonly moRef: MoRef; readonly name: string };
  /** None of a clone: nothing is read here. */
  readonly disks: readonly ManagedDisk[];
}

/** A snapshot that stays on the array: nothing is linked, presented or handed over. */
export interface KeptPlan {
  readonly devices: readonly CapturedDevice[];
}

/** The kept snapshot of another run that a run works with. Whoever undoes the run leaves it as it is. */
export interface BorrowedSnapshot {
  /** The run that made it. */
  readonly run: RunId;
  /** ISO time. */
  readonly takenAt: string | undefined;
  /** Given to it when it was made. */
  readonly timeToLiveHours: number;
  /** As that run found it, with the grade of every VM. */
  readonly capture: CaptureResult;
  /** What a snapshot of the borrowing run would be called: its files bear this name, which proves whose they are. */
  readonly ownName: string;
}

/** VMs of a borrowed snapshot, whose devices it is written back to. */
export interface RevertPlan {
  readonly devices: readonly CapturedDevice[];
}

interface ClonePlace {
  readonly host: { readonly moRef: MoRef; readonly name: string };
  readonly pool: MoRef;
  readonly folder: MoRef;
  /** Of the new VM. */
  readonly name: string;
}

/** A VM that is registered on a linked copy of the datastore that holds the captured one. */
export interface MountedClonePlan extends ClonePlace {
  readonly by?: never;
  /** The datastore that is copied, and the uuid of the VMFS on it. */
  readonly datastore: { readonly name: string; readonly vmfsUuid: string };
  /** Path of the configuration on the datastore, such as `vm/vm.vmx`. */
  readonly configFile: string;
}

/** A VM that vCenter copies out of a VM snapshot, on the route `managed`: it stands on nothing of the original. */
export interface CopiedClonePlan extends ClonePlace {
  readonly by: 'vcenter';
  /** Where its disks come to lie. */
  readonly datastore: { readonly moRef: MoRef; readonly name: string };
}

export type ClonePlan = MountedClonePlan | CopiedClonePlan;

/** Everything a run will touch, computed before anything is changed. */
export interface Plan {
  readonly runId: RunId;
  readonly context: JobContext;
  readonly spec: JobSpec;
  readonly arrayId: ArrayId;
  readonly array: ArrayFacts;
  readonly snapshotName: string;
  readonly route: Route;
  /** What the array is expected to need for the snapshot; absent: nothing was measured, or no guest is frozen. */
  readonly forecast?: EstablishForecast;
  /** Of the route `managed`, which has no `devices`: the disks are read where vSphere shows them. */
  readonly managed: ManagedPlan | undefined;
  /** Of a snapshot that is kept, which has no `devices`: none of its devices gets a target. */
  readonly kept?: KeptPlan;
  /** Of a clone: nothing is handed over. */
  readonly clone?: ClonePlan;
  /** Of a run that captures nothing: `snapshotName` is that of this snapshot. */
  readonly borrowed?: BorrowedSnapshot;
  /** Of a revert, which has no `devices`. */
  readonly revert?: RevertPlan;
  readonly vms: readonly PlannedVm[];
  readonly devices: readonly PlannedDevice[];
  readonly collateral: readonly Collateral[];
  /** Names of VMs that a selector led to and that are in no backup of this run; absent: none. */
  readonly leftOut?: readonly string[];
  readonly warnings: readonly string[];
}

/** What a dry run shows: a plan whose targets may still have to be made. */
export interface PlanPreview extends Omit<Plan, 'devices'> {
  readonly devices: readonly (Omit<PlannedDevice, 'target' | 'targetWwn'> &
    Partial<Pick<PlannedDevice, 'target' | 'targetWwn'>>)[];
  /** Targets that a run would make in the pool. */
  readonly targetsToCreate: readonly NewDevices[];
}

/** What the one establish is of, whatever becomes of the snapshot then; of a revert, what is written back. */
export const capturedOf = ({ kept, revert, devices }: Plan): readonly CapturedDevice[] =>
  revert?.devices ?? kept?.devices ?? devices;

export const devicesOf = (plan: Plan): readonly DeviceId[] => capturedOf(plan).map(({ device }) => device);

export const pairsOf = (plan: Plan) => plan.devices.map(({ device, target }) => ({ source: device, target }));

export const targetsOf = (plan: Plan): readonly DeviceId[] => plan.devices.map(({ target }) => target);

export const targetWwnsOf = (plan: Plan): readonly Wwn[] => plan.devices.map(({ targetWwn }) => targetWwn);

export const presentedTargetsOf = (plan: Plan): readonly DeviceId[] =>
  plan.devices.filter(({ presentNeeded }) => presentNeeded).map(({ target }) => target);

/** An image to be written, and the identity under which the proxy sees what it is made from. */
export interface PlannedImage {
  readonly wwn: Wwn;
  readonly imagePath: string;
  readonly imageBytes: number;
  readonly format: ImageFormat;
}

/** None where file systems are handed over, or disks without a copy. */
export function imagesOf({ spec, devices, managed }: Plan): readonly PlannedImage[] {
  if (spec.files || spec.expose) return [];
  const format = imageFormatOf(spec);
  return [
    ...devices.map(({ targetWwn: wwn, imagePath, imageBytes }) => ({ wwn, imagePath, imageBytes, format })),
    ...(managed?.disks ?? []).map(({ diskUuid: wwn, imagePath, imageBytes }) => ({
      wwn,
      imagePath,
      imageBytes,
      format,
    })),
  ];
}

export const imageFormatOf = ({ imageFormat }: JobSpec): ImageFormat => imageFormat ?? 'raw';

/** Disks that are handed over or copied, or devices that stay as they are on the array. */
export const capturedDisksOf = ({ managed, vms, kept, devices }: Plan): number =>
  (managed ? vms.flatMap(({ disks }) => disks) : (kept?.devices ?? devices)).length;

/** Are images made of the targets, and handed over? */
export const isHandedOver = ({ kept, clone, revert }: Pick<Plan, 'kept' | 'clone' | 'revert'>): boolean =>
  kept === undefined && clone === undefined && revert === undefined;

/** Do all VMs show the same instant? VM snapshots are taken one a VM, and shadow copies made by each guest. */
export const hasCommonInstant = ({ managed, vms, spec }: Plan): boolean =>
  vms.length === 1 || (managed === undefined && !(spec.files && vms.some(({ freeze }) => freeze === 'vss-diskshadow')));

/** Under what name a manifest is written before it has its own: a crash leaves a file that names its run. */
export const draftNameOf = (plan: Pick<Plan, 'snapshotName' | 'borrowed'>): string =>
  `${ownNameOf(plan)}${DRAFT_SUFFIX}`;

/** Unlike that of any other run, and with the mark of the installation. */
export const ownNameOf = ({ snapshotName, borrowed }: Pick<Plan, 'snapshotName' | 'borrowed'>): string =>
  borrowed?.ownName ?? snapshotName;

export const MANIFEST_NAME = 'snaphook-manifest.json';
/** Of the manifest, in base64. Only where the configuration has a key. */
/** Of mounted files, where the job wants their hashes. */
export const FILES_INDEX_NAME = 'snaphook-files.list';
export const SIGNATURE_NAME = 'snaphook-manifest.sig';
/** Until the export is complete. */
export const PLANNED_MANIFEST_NAME = `${MANIFEST_NAME}.partial`;
export const DRAFT_SUFFIX = '.draft';
