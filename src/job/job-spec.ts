import type { RegionFinder } from '../ports/bands.ts';
import type { ExposedAs } from '../ports/exposures.ts';
import type { ApplicationKind } from '../ports/file-systems.ts';
import type { FreezeStrategy } from '../ports/guest.ts';
import type { VmSelector } from '../ports/hypervisor.ts';
import type { RunId } from '../ports/identity.ts';
import type { ImageFormat } from '../ports/images.ts';
import type { Grade } from './grade.ts';

/**
 * `auto`: as the settings of each guest say. A strategy by name: that one, or the run is refused. `vmware-tools`: VMware Tools quiesces
 * the guest for a VM snapshot, so on the route `managed` only.
 */
export type FreezeChoice = 'auto' | FreezeStrategy | 'vmware-tools' | 'none';

/** How a VM's data are captured and reach the proxy. `docs/routes.md` has what each needs and what it cannot do. */
export type RouteName = 'snapvx' | 'managed';
/** `auto`: `snapvx`, unless the array is known to refuse its snapshots on vVols. */
export type RouteChoice = 'auto' | RouteName;

export const ON_OPEN_RUN = ['fail', 'replace', 'wait'] as const;
export type OnOpenRun = (typeof ON_OPEN_RUN)[number];

/** How long kept snapshots of a job stay: each at most `days`, and no more than `count` of the same VMs. */
export interface Retention {
  readonly days: number;
  /** Undefined: only their age ends them. */
  readonly count: number | undefined;
}

/** The snapshot is kept on the array in place of being handed over. */
export interface Keep {
  /** For people; undefined: none was given. */
  readonly label: string | undefined;
  readonly days: number;
  /** `job`: the job's retention ends it, by age or count. `own`: it was given these days and is kept for them whatever the job says. */
  readonly rule: 'job' | 'own';
}

/** A VM is made of the snapshot in place of handing it over. Without a `presentGroup` of the job none can be made of linked devices. */
export interface CloneWish {
  /** ESXi host that is to show it, by its name in vCenter. */
  readonly host: string;
  /** Of the new VM; undefined: made of the VM's name and the run. */
  readonly name: string | undefined;
  /** Inventory path of its folder; undefined: that of the VM. */
  readonly folder: string | undefined;
  /** Where its disks are copied to, where they are copied; undefined: the datastore of the VM's own. */
  readonly datastore: string | undefined;
}

/** VMs as a kept snapshot has them. */
export interface KeptWish {
  /** The run that made the snapshot. */
  readonly snapshotRun: RunId;
  /** By the names they had, or by instance uuid; none: all that were selected then. */
  readonly vms: readonly string[];
}

/** File systems are handed over, mounted, in place of images. */
export interface FilesWish {
  /** When something that may hold files cannot be read: end the run, or go on and say so. */
  readonly onUnreadable: 'fail' | 'note';
}

/** Whose VMs they are: what is handed over of them lies in a folder of that name. */
export interface OwnerGroup {
  readonly group: string;
  /** Patterns of whole names, as `matchesName` has them. Of several groups the first that fits counts. */
  readonly vms: readonly string[];
}

/** A file or folder in a VM. */
export interface GuestPath {
  /** Its name in vCenter. */
  readonly vm: string;
  /** Absolute: as the guest has it, or from the root of `volume`. */
  readonly path: string;
  /** `<disk>/<mount>`, as `handOver: files` has it below the folder of the VM; undefined: the guest's own table of mounts tells. */
  readonly volume: string | undefined;
}

export interface ApplicationWish extends GuestPath {
  readonly kind: ApplicationKind;
  /** How long its probe may take. */
  readonly limitMs: number;
}

/** What is looked into before anything is handed over. Something that is not sound ends the run. */
export interface VerifyWish {
  /** Each by its own checker. */
  readonly fileSystems: boolean;
  /** The job does not say so itself: they are checked as far as the proxy can. */
  readonly isDefault?: true;
  /** Each is read to its end. */
  readonly files: readonly GuestPath[];
  /** Every file that is handed over is read and listed with its hash. Absent: none is. */
  readonly fileHashes?: true;
  /** Each is opened by its own program. */
  readonly applications: readonly ApplicationWish[];
}

/** One job as configured: what the backup product calls by name, again and again. */
export interface JobSpec {
  readonly name: string;
  readonly vms: readonly VmSelector[];
  /** VMs that are left out although one of `vms` leads to them. */
  readonly exclude: readonly VmSelector[];
  /** When a selector of `vms` leads to no VM: fail, or go on with the others and say so. */
  readonly onNoMatch: 'fail' | 'skip';
  /** How guests are frozen. `none`: the snapshot is crash-consistent at best, and says so. */
  readonly freeze: FreezeChoice;
  readonly route: RouteChoice;
  /** The grade the admin asks for; below it `onLowerGrade` decides. */
  readonly grade: Grade;
  readonly onLowerGrade: 'fail' | 'degrade';
  /** VMs that share a snapped datastore: refuse the run, go on and say which, or freeze them too. */
  readonly collateral: 'refuse' | 'warn' | 'prepare';
  /** Disks behind an IO filter or a write-back cache on the host: refuse the run, or go on with a grade of `crash` at best. */
  readonly hostCaches: 'refuse' | 'warn';
  /** When another pre hook of the job works, or an earlier run waits for its post hook: fail, end it, or wait for its end. */
  readonly onOpenRun: OnOpenRun;
  /** Storage group whose devices may receive links. */
  readonly targetPool: string;
  /**
   * Targets that the pool lacks are made in it, until it holds this many devices. They are the pool's, not the run's: later runs use
   * them too. Undefined: none are made.
   */
  readonly createTargets?: { readonly maxPoolDevices: number } | undefined;
  /** Storage group that is masked to the proxy; absent: the pool itself is. */
  readonly presentGroup: string | undefined;
  /** The proxy's host (initiator group) on the array: a target may be visible to it and to nobody else. */
  readonly proxyHost: string;
  /** The VM this machine runs in, as vCenter knows it: needed where disks are added to it. */
  readonly proxyVm: VmSelector | undefined;
  /** The array removes the snapshot after this, even if this machine burns down. */
  readonly timeToLiveHours: number;
  /** Absent, and `expose` too: images are handed over. */
  readonly files?: FilesWish;
  /** When files are handed over to a backup that may miss some of them, see `snapshotGapWarnings`. Absent: `warn`. */
  readonly snapshotGap?: 'warn' | 'refuse' | 'accept';
  /** Disks are handed over without a copy. */
  readonly expose?: ExposedAs;
  /** Absent: nothing is looked into. */
  readonly verify?: VerifyWish;
  /** Where images or files are handed over. */
  readonly exportDirectory: string;
  /** Absent: VMs lie beside one another there. */
  readonly ownerGroups?: readonly OwnerGroup[] | undefined;
  /** Of the images. Absent: `raw`. */
  readonly imageFormat?: ImageFormat;
  /** Of the format `bands`. Absent: 4 MiB. */
  readonly bandBytes?: number | undefined;
  /** Of the format `bands`, on the route `managed`: how it is found what changed since the run before. Absent: `hashes`. */
  readonly changedRegions?: RegionFinder;
  /** The VMs' .vmx and .nvram beside the images: what cannot be read is told, or ends the run. Absent: `off`. */
  readonly configurationFiles?: 'off' | 'note' | 'require';
  /** The administrator says that post hooks are told how the backup ended, whatever is known of the product. */
  readonly outcomeIsTold?: boolean;
  readonly limits: JobLimits;
  /** Absent: snapshots of the job are kept only where whoever makes one says for how long. */
  readonly retention?: Retention;
  /** Absent: the snapshot is handed over. */
  readonly keep?: Keep;
  /** Absent as well: the snapshot is handed over. */
  readonly clone?: CloneWish;
  /** Nothing is captured: this is linked in place of it. Absent: VMs are captured. */
  readonly borrow?: KeptWish;
  /** Nothing is captured or linked: this is written back. */
  readonly revert?: KeptWish;
  /** VMs that this call, one of several of a product's run, is about: the run it makes or joins has to have them. */
  readonly ownVms?: readonly VmSelector[];
}

export interface JobLimits {
  /** `pre` and `post` end by themselves within this, undoing included: backup products abandon hooks that take longer. */
  readonly deadlineMs: number;
  /** From the freeze request to "frozen". */
  readonly freezeMs: number;
  /** From the establish request to its answer, inside the window; afterwards guests are thawed whatever the array does. */
  /** Undefined: as long as guests hold, see `establishLimitMs`. */
  readonly establishMs: number | undefined;
  /** How long thaw is tried before the guest is reported as unconfirmed. */
  readonly thawMs: number;
  /** A request whose answer never came may still take effect on the array for this long. */
  readonly settleMs: number;
  /** V3 arrays refuse to unlink a target that is not defined yet; afterwards the unlink is forced (the target is scratch). */
  readonly unlinkMs: number;
  /** Until the proxy sees the targets. */
  readonly devicesMs: number;
  /** One round of cleaning up. */
  readonly undoMs: number;
  /** How long a lock of another job, or of a hook of the same job that is not to be replaced, is waited for. */
  readonly lockWaitMs: number;
  /** A hook says at least this often that it still works. */
  readonly heartbeatMs: number;
  /** How long after the hand-over further calls of the same run of the product may join it, where it makes several. */
  readonly joinMs: number;
}

export const DEFAULT_LIMITS: JobLimits = {
  deadlineMs: 230_000,
  freezeMs: 60_000,
  establishMs: undefined,
  thawMs: 30_000,
  settleMs: 15_000,
  unlinkMs: 60_000,
  devicesMs: 60_000,
  undoMs: 180_000,
  lockWaitMs: 10_000,
  heartbeatMs: 30_000,
  joinMs: 3_600_000,
};

/** Who called, as the integration understood it. */
export interface JobContext {
  readonly job: string;
  /** Name of the backup product's integration. */
  readonly integration: string;
  readonly instance: string | undefined;
  readonly productRunId: string | undefined;
  /** Which try of that run of the product it is, from 1. Absent: the product does not count them. */
  readonly attempt?: number | undefined;
  readonly level: string | undefined;
  /** How the product finds what an incremental backup saves: by the clock, or by what it saved before. Absent: unknown. */
  readonly incrementals?: 'by-time' | 'by-comparison' | undefined;
  /** The product tells its post hook how the backup ended. Absent: it is not known to. */
  readonly tellsOutcome?: boolean | undefined;
  /**
   * The product makes several calls for one run of its own, and this is that one of them: they share a run of ours. Absent: it makes
   * one call.
   */
  readonly member?: Member | undefined;
}

export interface Member {
  /** Another one for each call; the post hook has that of its pre hook. */
  readonly name: string;
  /** How many calls the product makes in all; undefined: it does not tell. */
  readonly of: number | undefined;
}
