import { SnaphookError } from '../ports/errors.ts';
import { runId as parseRunId } from '../ports/identity.ts';
import type { Lock } from '../ports/journal.ts';
import { creationText } from './create-targets.ts';
import { type Limit, withinLimit } from './deadline.ts';
import { whileHeld } from './held-journal.ts';
import { RunJournal } from './journal.ts';
import type { BackupResult, Outcome } from './journal-records.ts';
import { draftNameOf, isHandedOver } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { isKept, isRestored, type RunState } from './run-state.ts';
import { localUndoMs } from './run-time.ts';
import type { Run } from './step.ts';
import { undoSteps } from './undo.ts';
import { undoRestore } from './undo-restore.ts';
import { gapInBackup } from './whole-backup.ts';

/** A run of an earlier process as its journal tells it; `undefined` when it never came to a plan. */
export async function loadRun(
  ports: JobPorts,
  id: string,
  { lock, endsAtMs }: { readonly lock?: Lock; readonly endsAtMs?: number } = {},
): Promise<{ readonly journal: RunJournal; readonly run: Run | undefined }> {
  const file = await ports.journals.open(id);
  const journal = await RunJournal.load(lock ? whileHeld(file, lock) : file, ports.clock);
  const { plan } = journal.state;
  if (!plan) return { journal, run: undefined };
  const array = ports.arrays.find((candidate) => candidate.id === plan.arrayId);
  if (!array) {
    throw new SnaphookError(
      'E_CONFIG',
      `run "${id}" used array "${plan.arrayId}", which is not in the configuration any more`,
      {
        hint: 'Put the array back into the configuration until the run is cleaned up.',
      },
    );
  }
  array.recall(plan.array);
  return { journal, run: { plan, ports, array, journal, openGuests: new Map(), endsAtMs } };
}

interface CleanUp {
  readonly lock: Lock;
  readonly endsAtMs?: number;
  /** As the product said to a post hook that its backup ended; absent: no post hook came. */
  readonly backup?: BackupResult | undefined;
}

/**
 * Undoes whatever a run left and closes it. On errors the run stays open, so that the next `post`, `pre` or `reap` tries again;
 * they are thrown as one `E_LEFTOVERS`.
 * An aborted signal, or the loss of the job's lock, ends the work in the middle; the run then stays open too, or is somebody else's.
 */
export async function cleanUpRun(
  ports: JobPorts,
  id: string,
  outcome: Outcome,
  { lock, endsAtMs, backup, ...limit }: CleanUp & { readonly signal?: AbortSignal },
): Promise<void> {
  const { journal, run } = await loadRun(ports, parseRunId(id), {
    lock,
    ...(endsAtMs === undefined ? {} : { endsAtMs }),
  });
  const signal = limit.signal ? AbortSignal.any([limit.signal, lock.lost]) : lock.lost;
  // A journal that says so is closed, although its move, or the answer to its last write, failed.
  const isOver = journal.state.outcome !== undefined;
  const errors = backup && !isOver ? await noteBackup(ports, journal, backup) : [];
  if (!isOver) {
    const undone = run ? await undoRun(run, signal) : await undoRestore(ports, { runId: id, journal }, signal);
    errors.push(...undone);
  }
  lock.lost.throwIfAborted();
  await endVcenterSessions(ports, journal, signal);
  if (errors.length > 0) throw leftoversError(id, errors);
  // A run whose end cannot be written stays open, however clean everything else is.
  // Nothing was made for what was found: whoever wrote it down and died is brought to the end.
  await closeRun(ports, journal, id, endOf(journal.state, outcome)).catch((error: unknown) => {
    throw leftoversError(id, [error]);
  });
  await ports.locks.sweep();
}

/** Where guests wait for it. A success of less than the whole is none for them. */
async function noteBackup({ reporter }: JobPorts, journal: RunJournal, said: BackupResult): Promise<unknown[]> {
  const { parking } = journal.state;
  if (!parking || parking.guests.length === 0) return [];
  const gap = said === 'success' ? gapInBackup(journal.state) : undefined;
  if (gap !== undefined) reporter.warn('the backup counts as failed for applications of guests', { because: gap });
  try {
    await journal.append({ kind: 'backup-ended', data: { result: gap === undefined ? said : 'failure' } });
    return [];
  } catch (error) {
    return [error];
  }
}

/** What became of the run, whatever its end was going to be called. */
export const endOf = (state: RunState, outcome: Outcome): Outcome => {
  if (state.found) return 'kept';
  if (state.writtenBack) return 'reverted';
  return isRestored(state) ? 'restored' : outcome;
};

/** Every step, and what a preflight that was killed left in the hand-over directory before there was any step. */
async function undoRun(run: Run, signal: AbortSignal): Promise<readonly unknown[]> {
  const errors = await undoSteps(run, { signal });
  const { export: exported, mount } = run.journal.state.steps;
  if (!isHandedOver(run.plan) || exported.at !== 'untouched' || mount.at !== 'untouched') return errors;
  const draft = { path: draftNameOf(run.plan), sizeBytes: undefined };
  const { exportDirectory: directory, limits } = run.plan.spec;
  const durationMs = Math.round(localUndoMs(run.ports.clock, limits, run.endsAtMs));
  const message = `directory "${directory}" did not answer within ${durationMs} ms`;
  try {
    await withinLimit(run.ports.clock, { durationMs, code: 'E_EXPORT', message }, signal, (limited) =>
      run.ports.images.remove(directory, [draft], limited),
    );
    return errors;
  } catch (error) {
    return [...errors, error];
  }
}

/** For hooks, whose time is limited: what is left of the run is told, not that the time was over. */
export async function cleanUpWithin(
  ports: JobPorts,
  id: string,
  outcome: Outcome,
  limit: Limit,
  within: CleanUp & { readonly endsAtMs: number },
): Promise<void> {
  const failure = await withinLimit(ports.clock, limit, undefined, (signal) =>
    cleanUpRun(ports, id, outcome, { ...within, signal }).then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
  );
  if (failure) throw failure.error;
}

/** Login and one call. */
const END_SESSION_MS = 15_000;

/** It holds nothing and ends by itself when it is idle, so that what keeps it alive is told and is no error. */
async function endVcenterSessions(ports: JobPorts, { state }: RunJournal, signal: AbortSignal): Promise<void> {
  if (state.outcome !== undefined) return;
  const message = `a vCenter session of the run was not ended within ${END_SESSION_MS} ms`;
  const limit = { durationMs: END_SESSION_MS, code: 'E_DEADLINE', message } as const;
  for (const key of state.vcenterSessions) {
    try {
      await withinLimit(ports.clock, limit, signal, (limited) => ports.hypervisor.endSession(key, limited));
    } catch (error) {
      ports.reporter.warn('the vCenter session of the run is left to its idle time', { error: String(error) });
    }
  }
}

export async function closeRun(ports: JobPorts, journal: RunJournal, id: string, outcome: Outcome): Promise<void> {
  const { creation } = journal.state;
  if (creation) ports.reporter.warn(`a run ended early: ${creationText(creation)}`, { run: id });
  if (journal.state.outcome === undefined) await journal.append({ kind: 'closed', data: { outcome } });
  await (isKept(journal.state) ? ports.journals.keep(id) : ports.journals.close(id));
}

export function leftoversError(id: string, errors: readonly unknown[], first?: unknown): SnaphookError {
  const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
  const why = first === undefined ? '' : ` failed (${text(first)}) and`;
  return new SnaphookError('E_LEFTOVERS', `run "${id}"${why} left something behind: ${errors.map(text).join('; ')}`, {
    cause: first ?? errors[0],
    hint: 'The run stays open. Correct the cause, then run `snaphook reap --apply`; `snaphook status` shows what is left.',
  });
}
