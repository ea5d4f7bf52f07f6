import type { RunId } from '../ports/identity.ts';
import type { Lock } from '../ports/journal.ts';
import { whileHeld } from './held-journal.ts';
import { RunJournal } from './journal.ts';
import { newRunId } from './names.ts';
import type { JobPorts } from './ports.ts';
import { cleanUpRun, closeRun, leftoversError } from './run-record.ts';
import { isRestored } from './run-state.ts';
import { undoRestore } from './undo-restore.ts';

/** Journals of restores are of a job of their own. No job in a configuration can have such a name. */
const RESTORE_JOB_PREFIX = 'restore of ';

export const restoreJobOf = (vm: string): string => `${RESTORE_JOB_PREFIX}${vm}`;

/** Restores of a VM, of which one is at work at a time. */
export interface RestoreTurn {
  readonly job: string;
  readonly lock: Lock;
}

/** A restore at work. */
export interface RestoreRun {
  readonly runId: RunId;
  readonly journal: RunJournal;
}

/** What earlier ones left would be in the way. Errors: `E_LEFTOVERS`. */
export async function undoEarlierRestores(
  ports: JobPorts,
  { job, lock }: RestoreTurn,
  signal: AbortSignal,
): Promise<void> {
  for (const { runId } of await ports.journals.openRuns(job)) {
    await cleanUpRun(ports, runId, 'recovered', { lock, signal });
  }
}

/** Works with a journal of its own. When the work fails, what it did is undone before its error is thrown, or `E_LEFTOVERS`. */
export async function journaled<Result>(
  ports: JobPorts,
  { job, lock }: RestoreTurn,
  signal: AbortSignal,
  work: (run: RestoreRun) => Promise<Result>,
): Promise<Result> {
  const { journals, clock } = ports;
  const runId = newRunId(clock.now(), ports.randomText());
  const journal = await RunJournal.load(whileHeld(await journals.create({ runId, job }), lock), clock);
  try {
    await journal.opened({
      job,
      integration: 'command line',
      instance: undefined,
      productRunId: undefined,
      level: undefined,
    });
    return await work({ runId, journal });
  } catch (error) {
    throw await unwind(ports, { runId, journal }, lock, signal.aborted ? signal.reason : error);
  }
}

/** Undoes what a restore did. Returns the error to throw. */
async function unwind(ports: JobPorts, { runId, journal }: RestoreRun, lock: Lock, error: unknown): Promise<unknown> {
  // Whoever took the lock over undoes it.
  if (lock.lost.aborted) return lock.lost.reason;
  try {
    await journal.failed(undefined, error);
    const errors = await undoRestore(ports, { runId, journal }, lock.lost);
    if (errors.length > 0) return leftoversError(runId, errors, error);
    // Of a VM that is whole only the end could not be written at first.
    await closeRun(ports, journal, runId, isRestored(journal.state) ? 'restored' : 'failed');
    return error;
  } catch (failed) {
    return leftoversError(runId, [failed], error);
  }
}
