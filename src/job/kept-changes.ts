import { type ErrorRecord, SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import type { Lock } from '../ports/journal.ts';
import { withinLimit } from './deadline.ts';
import { FOUND_JOB } from './found-snapshot.ts';
import { whileHeld } from './held-journal.ts';
import { longestMs } from './installation.ts';
import { DEFAULT_LIMITS } from './job-spec.ts';
import { jobLock } from './job-turn.ts';
import { RunJournal } from './journal.ts';
import type { KeptState } from './kept-snapshots.ts';
import { findLostKept, type LostKept } from './lost-kept.ts';
import { OWN_NAME_PREFIX, parseSnapshotName } from './names.ts';
import { openPlansOf, readJournal } from './open-plans.ts';
import { devicesOf } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { loadRun } from './run-record.ts';
import { isKept } from './run-state.ts';
import type { Run } from './step.ts';
import { undoSteps } from './undo.ts';
import { hasJournal } from './untold-snapshots.ts';

/** What became of one snapshot that was to be deleted. `found`: it would be. */
export interface Deletion {
  readonly runId: RunId;
  readonly did: 'found' | 'deleted' | 'failed';
  /** On the array, before anything was done. Undefined where that was not found out. */
  readonly state: Extract<KeptState, 'present' | 'gone'> | undefined;
  readonly error: ErrorRecord | undefined;
}

/**
 * Deletes kept snapshots, or with `apply: false` only tells what would be done. One that is linked is refused. Each is tried; what
 * goes wrong is told with it. The proofs of ownership are those of `reap`: name and journal, or mark and time where it is lost.
 */
export async function deleteKept(
  ports: JobPorts,
  runIds: readonly RunId[],
  { apply }: { readonly apply: boolean },
  signal: AbortSignal,
): Promise<readonly Deletion[]> {
  const deletions: Deletion[] = [];
  for (const runId of runIds) {
    try {
      const state = await deleteOne(ports, runId, apply, signal);
      deletions.push({ runId, did: apply ? 'deleted' : 'found', state, error: undefined });
    } catch (error) {
      signal.throwIfAborted();
      deletions.push({ runId, did: 'failed', state: undefined, error: toErrorRecord(error) });
    }
  }
  return deletions;
}

/** Gives a kept snapshot another label. Its name on the array proves whose it is and stays as it is. Errors: `E_SNAPSHOT_NOT_FOUND`. */
export async function renameKept(ports: JobPorts, runId: RunId, label: string, signal: AbortSignal): Promise<void> {
  await withKept(ports, runId, signal, async (lock) => {
    await (await writableJournal(ports, runId, lock)).append({ kind: 'labelled', data: { label } });
  });
}

const writableJournal = async ({ journals, clock }: JobPorts, runId: RunId, lock: Lock): Promise<RunJournal> =>
  RunJournal.load(whileHeld(await journals.open(runId), lock), clock);

async function deleteOne(
  ports: JobPorts,
  runId: RunId,
  apply: boolean,
  signal: AbortSignal,
): Promise<Deletion['state']> {
  if (!(await hasJournal(ports, runId))) {
    const state = await deleteLost(ports, runId, apply, signal);
    if (state === 'gone') throw notKept(runId);
    return state;
  }
  const { state } = await keptJournal(ports, runId);
  await refuseWhileUsed(ports, runId);
  if (!state.found) return deleteJournaled(ports, runId, apply, signal);
  const { array } = state.found;
  if (!ports.arrays.some(({ id }) => id === array)) {
    throw new SnaphookError(
      'E_CONFIG',
      `snapshot "${runId}" is on array "${array}", which is not in the configuration`,
      {
        hint: 'Put the array back into the configuration until the snapshot is deleted.',
      },
    );
  }
  return deleteFound(ports, runId, apply, signal);
}

/** A clone stands on it; a run that writes it back, or was killed while it did, needs it to come to its end. Errors: `E_RUN_OPEN`. */
async function refuseWhileUsed(ports: JobPorts, runId: RunId): Promise<void> {
  const user = (await openPlansOf(ports)).find(({ borrowed }) => borrowed?.run === runId);
  if (!user) return;
  throw new SnaphookError('E_RUN_OPEN', `kept snapshot "${runId}" is used by run "${user.runId}", which is open`, {
    hint: 'Let it end, or delete it if it is a clone. If its process died, `snaphook reap --apply` brings it to its end.',
  });
}

async function deleteJournaled(ports: JobPorts, runId: RunId, apply: boolean, signal: AbortSignal) {
  if (!apply) return stateOf(withPlan(await loadRun(ports, runId)), signal);
  return withKept(ports, runId, signal, async (lock) => {
    await refuseWhileUsed(ports, runId);
    const run = withPlan(await loadRun(ports, runId, { lock }));
    const either = AbortSignal.any([signal, lock.lost]);
    const state = await stateOf(run, either);
    const errors = await undoSteps(run, { only: ['capture', 'group'], signal: either });
    if (errors.length > 0) throw notDeleted(run.plan.snapshotName, errors);
    await ports.journals.close(runId);
    return state;
  });
}

/** Found again without its first journal: the array's proofs count, as when it has none. */
async function deleteFound(ports: JobPorts, runId: RunId, apply: boolean, signal: AbortSignal) {
  if (!apply) return deleteLost(ports, runId, apply, signal);
  return withKept(ports, runId, signal, async (lock) => {
    const state = await deleteLost(ports, runId, apply, AbortSignal.any([signal, lock.lost]));
    const journal = await writableJournal(ports, runId, lock);
    await journal.append({ kind: 'undone', data: { step: 'capture' } });
    await ports.journals.close(runId);
    return state;
  });
}

/** The job's lock is held meanwhile: whoever else changes its runs waits. */
async function withKept<Result>(
  ports: JobPorts,
  runId: RunId,
  signal: AbortSignal,
  work: (lock: Lock) => Promise<Result>,
): Promise<Result> {
  const { spec } = (await keptJournal(ports, runId)).state.plan ?? {};
  const lockWaitMs = spec?.limits.lockWaitMs ?? DEFAULT_LIMITS.lockWaitMs;
  const lock = await ports.locks.acquire(jobLock(spec?.name ?? FOUND_JOB), lockWaitMs, { signal });
  try {
    await keptJournal(ports, runId);
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** Errors: `E_SNAPSHOT_NOT_FOUND` when the run has no kept snapshot (any more), or its journal is lost. */
export async function keptJournal(ports: JobPorts, runId: RunId): Promise<RunJournal> {
  const journal = (await hasJournal(ports, runId)) ? await readJournal(ports, runId) : undefined;
  if (!journal || !isKept(journal.state)) throw notKept(runId);
  return journal;
}

function withPlan({ run }: Awaited<ReturnType<typeof loadRun>>): Run {
  if (!run) throw new TypeError('a snapshot that was kept was planned');
  return run;
}

/** Errors: `E_SNAPSHOT_LINKED`. */
async function stateOf({ plan, array }: Run, signal: AbortSignal): Promise<'present' | 'gone'> {
  const found = await array.findSnapshots({ name: plan.snapshotName, devices: devicesOf(plan) }, signal);
  checkUnlinked(plan.runId, found);
  return found.length === 0 ? 'gone' : 'present';
}

export function checkUnlinked(runId: RunId, found: LostKept['snapshots']): void {
  const [target] = found.flatMap(({ linkedTargets }) => linkedTargets);
  if (!target) return;
  throw new SnaphookError('E_SNAPSHOT_LINKED', `kept snapshot "${runId}" is linked to target "${target.target}"`, {
    hint: 'Somebody reads or copies it. Unlink it first; whoever linked it does that when the work is done.',
  });
}

async function deleteLost(
  ports: JobPorts,
  runId: RunId,
  apply: boolean,
  signal: AbortSignal,
): Promise<'present' | 'gone'> {
  for (const array of ports.arrays) {
    const rows = await array.listSnapshots({ namePrefix: OWN_NAME_PREFIX }, signal);
    const own = rows.filter(({ name }) => parseSnapshotName(name)?.run === runId);
    const [first] = own;
    if (!first) continue;
    const { name } = first;
    const lost = await findLostKept(ports, array, { name, devices: own.map(({ source }) => source) }, signal);
    if (!('snapshots' in lost)) throw notOurs(runId, lost.because);
    checkUnlinked(runId, lost.snapshots);
    if (!apply) return 'present';
    const durationMs = longestMs(ports.installation, 'undoMs');
    const message = `deleting snapshot "${name}" took longer than ${durationMs} ms`;
    await withinLimit(ports.clock, { durationMs, code: 'E_LEFTOVERS', message }, signal, async (limited) => {
      const devices = lost.snapshots.map(({ source }) => source);
      const snapId = lost.snapshots[0]?.snapId;
      await array.terminate({ name, snapId, devices }, limited);
      const left = (await array.findSnapshots({ name, devices }, limited)).filter((one) => one.snapId === snapId);
      if (left.length > 0) throw notDeleted(name, [`it is still on ${left.length} device(s)`]);
    });
    return 'present';
  }
  return 'gone';
}

const notKept = (runId: RunId) =>
  new SnaphookError('E_SNAPSHOT_NOT_FOUND', `there is no kept snapshot "${runId}"`, {
    hint: '`snaphook snapshot list` shows what there is.',
  });

const notOurs = (runId: RunId, because: string) =>
  new SnaphookError('E_SNAPSHOT_NOT_FOUND', `snapshot "${runId}" is not provably a kept one of ours: ${because}`, {
    hint: 'Nothing foreign is deleted. If it is yours, delete it in Unisphere.',
  });

function notDeleted(name: string, errors: readonly unknown[]): SnaphookError {
  const text = errors.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
  return new SnaphookError('E_LEFTOVERS', `snapshot "${name}" was not deleted: ${text}`, {
    cause: errors[0],
    hint: 'Correct the cause and delete it again; the array ends it when its time to live is over.',
  });
}
