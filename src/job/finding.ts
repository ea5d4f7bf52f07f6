import type { DeviceId, MoRef } from '../ports/identity.ts';

interface OfRun {
  readonly runId: string;
  readonly job: string;
}

interface OfSnapshot {
  readonly array: string;
  readonly name: string;
  readonly devices: readonly DeviceId[];
}

interface OfExport {
  readonly directory: string;
  readonly files: readonly string[];
}

interface OfVmSnapshot {
  readonly vm: MoRef;
  readonly name: string;
}

export type Finding =
  /** A run whose process died before it handed over. */
  | ({ readonly kind: 'crashed-run' } & OfRun)
  /** A run that was handed over and whose post hook has not come. */
  | ({ readonly kind: 'waiting-run'; readonly since: string } & OfRun)
  /** A clone that is there: no leftover, and only who names it deletes it. */
  | ({ readonly kind: 'waiting-clone'; readonly since: string } & OfRun)
  /** A run whose journal cannot be read: nobody but a person can say what it holds. */
  | ({ readonly kind: 'unreadable-run' } & OfRun)
  /** A run at work in another process right now. */
  | ({ readonly kind: 'running' } & OfRun)
  /** A snapshot that is provably ours and that no open run holds. */
  | ({ readonly kind: 'orphan-snapshot'; readonly runId: string } & OfSnapshot)
  /** Ours, but so young that its run may be at work where this machine's journals do not tell. */
  | ({ readonly kind: 'waiting-snapshot'; readonly runId: string } & OfSnapshot)
  /** A snapshot of ours that is kept: no leftover, and only who names it deletes it. */
  | ({ readonly kind: 'kept-snapshot'; readonly runId: string } & OfSnapshot)
  /** A name of our form that is not provably ours. Reported, never touched. */
  | ({ readonly kind: 'foreign-snapshot' } & OfSnapshot)
  /** A temporary storage group that is provably ours and that no open run holds. */
  | ({ readonly kind: 'orphan-group'; readonly runId: string } & OfSnapshot)
  | ({ readonly kind: 'waiting-group'; readonly runId: string } & OfSnapshot)
  | ({ readonly kind: 'foreign-group' } & OfSnapshot)
  /** A snapshot of a VM, provably ours, that no open run holds, with the disks of it that the proxy VM has. */
  | ({ readonly kind: 'orphan-vm-snapshot'; readonly runId: string } & OfVmSnapshot)
  | ({ readonly kind: 'waiting-vm-snapshot'; readonly runId: string } & OfVmSnapshot)
  | ({ readonly kind: 'foreign-vm-snapshot' } & OfVmSnapshot)
  /** Files in a hand-over directory of a run whose journal is lost. */
  | ({ readonly kind: 'orphan-export'; readonly runId: string } & OfExport)
  | ({ readonly kind: 'waiting-export'; readonly runId: string } & OfExport)
  | ({ readonly kind: 'foreign-export' } & OfExport)
  /** Members of a pool that are in its presented group, neither linked nor of an open run. Who put them there nobody knows. */
  | {
      readonly kind: 'presented-targets';
      readonly array: string;
      readonly storageGroup: string;
      readonly devices: readonly DeviceId[];
    }
  /** Independent, non-persistent disks of the proxy VM that no open run has. Who added them nobody knows. */
  | { readonly kind: 'added-disks'; readonly vm: MoRef; readonly files: readonly string[] }
  /** A VM that vCenter copied for a run which is not open here. */
  | { readonly kind: 'lost-clone'; readonly runId: string; readonly vm: MoRef; readonly name: string }
  /** An array, a directory or a run that could not be asked: what of ours is there is not known. */
  | { readonly kind: 'not-looked-at'; readonly what: string }
  /** A lock whose process died. */
  | { readonly kind: 'stale-lock'; readonly name: string }
  /** A journal that was being made when its process died: nothing was done under its run id. */
  | { readonly kind: 'unborn-journal'; readonly name: string };

export interface ReapedFinding {
  readonly finding: Finding;
  /**
   * `removed`: nothing of it is left. `found`: ours, and `--apply` would remove it. `failed`: tried, and something is left.
   * `kept`: not to be removed now, or not ours.
   */
  readonly did: 'removed' | 'found' | 'failed' | 'kept';
  /** What proves that it is ours, or why it is left alone. */
  readonly because: string;
  readonly error?: string;
}

/** What is found beside the open runs, judged: with `remove` it is ours, and may be removed. */
export interface Judged {
  readonly finding: Finding;
  readonly because: string;
  /** Undefined: not to be removed. */
  readonly remove: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/** Something of ours is there, or may be, and stays there until somebody does something. */
export const remains = ({ did, finding }: ReapedFinding): boolean =>
  did === 'found' || did === 'failed' || finding.kind === 'unreadable-run' || finding.kind === 'not-looked-at';
