/**
 * One line of a run's journal. `seq` counts from 1 without gaps. The shape of `data` belongs to the core (`src/job/journal-records.ts`):
 * a store keeps lines, it does not understand them.
 */
export interface JournalLine {
  readonly seq: number;
  readonly at: string;
  readonly kind: string;
  readonly data: unknown;
}

/** Append-only record of one run. `append` resolves only after the line is on stable storage (fsync). */
export interface Journal {
  readonly runId: string;
  append(line: JournalLine): Promise<void>;
  /** Every complete line so far, in order; a torn last line (crash while writing) is left out. */
  read(): Promise<readonly JournalLine[]>;
}

export interface OpenRun {
  readonly runId: string;
  readonly job: string;
}

/** Journals of all runs on this machine. Errors: `E_JOURNAL`. */
export interface JournalStore {
  create(run: OpenRun): Promise<Journal>;
  open(runId: string): Promise<Journal>;
  /** Runs that were created and are neither closed nor kept, oldest first, of one job or of all. Changes nothing. */
  openRuns(job?: string): Promise<readonly OpenRun[]>;
  /** Marks a run closed: it stays readable and is neither open nor kept any more. */
  close(runId: string): Promise<void>;
  /** Marks an open run as one whose snapshot is kept: no longer open, and listed apart, so that years of closed runs need not be read. */
  keep(runId: string): Promise<void>;
  /** Runs whose snapshots are kept, oldest first. */
  keptRuns(): Promise<readonly OpenRun[]>;
  /** Closed runs, newest first, at most `limit`. */
  closedRuns(limit: number): Promise<readonly OpenRun[]>;
  /** Journals that a process was making when it died, by a name for people: nothing was done under such a run id. */
  unborn(): Promise<readonly string[]>;
  /** Removes the unborn journals. */
  sweep(): Promise<void>;
}

export interface Lock {
  /** Aborts when the lock could not be refreshed: a holder that cannot prove it holds must stop. */
  readonly lost: AbortSignal;
  /** True: a holder before us was asked by us to stop, and took notice. */
  readonly stoppedHolder: boolean;
  /** From now on waiters can ask this holder to stop. Aborts with `E_INTERRUPTED`, whose message says who asked. */
  listenForStop(): AbortSignal;
  release(): Promise<void>;
}

/** A hook as others meet it at a lock. Nothing secret. */
export interface LockUser {
  /** What it is, only compared. */
  readonly who: string;
  /** When the hook began, in milliseconds since 1970 by the clock of its machine: maybe long before it got the lock. */
  readonly beganAtMs: number;
}

/** What a waiter makes of a holder. */
export interface Demand {
  /** How long this holder is waited for. */
  readonly waitMs: number;
  /** Asks it to stop and says to it why, such as `the post hook of job "x" came`. */
  readonly stop?: string;
}

export interface Waiting {
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal;
  /** Who we are, for those who meet us as the holder. */
  readonly user?: LockUser;
  /**
   * Called once for every holding that is met; its answer counts in place of `waitMs`. What it throws ends the wait. Undefined: the
   * holder did not say who it is.
   */
  readonly meet?: (holder: LockUser | undefined) => Demand;
}

export interface HeldLock {
  readonly name: string;
  readonly abandoned: boolean;
}

/** Locks by name on this machine; a lock of a process that died is taken over. */
export interface Locks {
  /** Rejects with `E_LOCKED` (who holds it, since when) after `waitMs`. */
  acquire(name: string, waitMs: number, waiting?: Waiting): Promise<Lock>;
  /** Locks that are there now; `abandoned`: the process of this machine that held it died. Changes nothing. */
  list(): Promise<readonly HeldLock[]>;
  /** Removes the locks that processes of this machine left when they died, and requests whose holder or requester is gone. */
  sweep(): Promise<void>;
}
