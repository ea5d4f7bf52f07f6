import type { ErrorRecord } from '../ports/errors.ts';
import type { ArrayId, DeviceId, InstanceUuid } from '../ports/identity.ts';
import type { NewDevices } from '../ports/storage-array.ts';
import type { FoundSnapshot } from './found-snapshot.ts';
import type { JobContext } from './job-spec.ts';
import type { Plan } from './plan.ts';
import type { BegunImport, FilesRestore, RestorePlan } from './restoration.ts';

/**
 * `park` is of runs with guests that make full backups. `managed-capture` and `hot-add` stand in place of `capture` to `devices` on the route `managed`; `host`, `datastore` and `register`
 * are of clones of VMFS, `copy` of those that vCenter copies. `restore` is of reverts, which have no other step; `import` and `replace`
 * are of restores, `attach` of those into another VM, `files` of those of single files. `mount` stands in place of `export` where files are handed over, `expose` where
 * disks are without a copy.
 */
export const STEP_NAMES = [
  'group',
  'guests',
  'capture',
  'managed-capture',
  'park',
  'link',
  'host',
  'present',
  'hot-add',
  'devices',
  'export',
  'mount',
  'expose',
  'datastore',
  'register',
  'restore',
  'copy',
  'import',
  'replace',
  'attach',
  'files',
] as const;
export type StepName = (typeof STEP_NAMES)[number];

/**
 * `kept`: its snapshot is on the array and stays there. `reverted`: a kept snapshot was written back. `probed`: the array was asked by a snapshot, which was removed again.
 */
export type Outcome =
  | 'handed-over-and-released'
  | 'kept'
  | 'reverted'
  | 'probed'
  | 'restored'
  | 'failed'
  | 'recovered'
  | 'nothing-done';

/** Targets that a run makes. */
export interface Creation {
  readonly array: ArrayId;
  readonly storageGroup: string;
  readonly identifier: string;
  readonly devices: readonly NewDevices[];
}

/** Full backups that guests wait with, until their applications are told how they ended. */
export interface Parking {
  readonly guests: readonly ParkedGuest[];
  /** After these the guests take them for failed by themselves. */
  readonly hours: number;
}

export interface ParkedGuest {
  readonly vm: InstanceUuid;
  readonly bootId: string | undefined;
  /** What was captured of it is consistent for its applications: nothing less may make them drop their logs. */
  readonly isGood: boolean;
}

/** How the backup ended, as the product said to a post hook. */
export type BackupResult = 'success' | 'failure' | 'unknown';

/** Everything a journal can say, one line each. Public format: changes need a new version. */
export type JournalRecord =
  | { readonly kind: 'opened'; readonly data: { readonly version: number; readonly context: JobContext } }
  /** The run is about to work in vCenter, in the session of that key. It is ended before anything is linked, added or copied, or by `logout`. */
  | { readonly kind: 'login'; readonly data: { readonly key: string } }
  | { readonly kind: 'logout'; readonly data: { readonly key: string } }
  /** Targets are about to be made in the pool: they bear the identifier, and are the pool's, not the run's. */
  | { readonly kind: 'creating'; readonly data: Creation }
  | { readonly kind: 'created'; readonly data: { readonly devices: readonly DeviceId[] } }
  /** Again when a target was taken by somebody else and others were chosen: the latest counts. */
  | { readonly kind: 'planned'; readonly data: Plan }
  /** In place of a plan: a kept snapshot whose journal was lost, as it was found again. */
  | { readonly kind: 'found'; readonly data: FoundSnapshot }
  /** In place of a plan: a VM is about to be made of images. */
  | { readonly kind: 'restoring'; readonly data: RestorePlan }
  /** In place of a plan: files are about to be taken out of images. */
  | { readonly kind: 'restoring-files'; readonly data: FilesRestore }
  /** vCenter waits for its disks. */
  | { readonly kind: 'importing'; readonly data: BegunImport }
  /** vCenter has all disks and is about to be told so: from now on the VM may be complete. */
  | { readonly kind: 'completing'; readonly data: { readonly lease: string } }
  /** vCenter ended an import that was to be completed: it never was. */
  | { readonly kind: 'aborted'; readonly data: { readonly lease: string } }
  | { readonly kind: 'intent'; readonly data: { readonly step: StepName } }
  | {
      readonly kind: 'session';
      readonly data: { readonly vm: InstanceUuid; readonly resume: Readonly<Record<string, string>> };
    }
  /** Guests are about to be left with full backups that are to be ended later. */
  | { readonly kind: 'parking'; readonly data: Parking }
  /** The applications of a guest were told, or there is nothing of it any more that could be told anything. */
  | { readonly kind: 'unparked'; readonly data: { readonly vm: InstanceUuid } }
  /** A post hook came. Only where guests wait for it. */
  | { readonly kind: 'backup-ended'; readonly data: { readonly result: BackupResult } }
  | { readonly kind: 'done'; readonly data: { readonly step: StepName; readonly result: unknown } }
  | { readonly kind: 'failed'; readonly data: { readonly step: StepName | undefined; readonly error: ErrorRecord } }
  | { readonly kind: 'refused'; readonly data: { readonly step: StepName; readonly error: ErrorRecord } }
  | { readonly kind: 'undoing'; readonly data: { readonly step: StepName } }
  | { readonly kind: 'undone'; readonly data: { readonly step: StepName } }
  | { readonly kind: 'undo-failed'; readonly data: { readonly step: StepName; readonly error: ErrorRecord } }
  | { readonly kind: 'handed-over'; readonly data: { readonly manifest?: string } }
  /** Another call of the same run of the product reads what was handed over, too; or one has ended. */
  | { readonly kind: 'joined'; readonly data: { readonly member: string } }
  | { readonly kind: 'left'; readonly data: { readonly member: string; readonly result?: BackupResult } }
  /** A kept snapshot has another label from now on. */
  | { readonly kind: 'labelled'; readonly data: { readonly label: string } }
  | { readonly kind: 'closed'; readonly data: { readonly outcome: Outcome } };
