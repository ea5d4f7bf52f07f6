import { type ErrorRecord, SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import type { Lock } from '../ports/journal.ts';
import { withinLimit } from './deadline.ts';
import { longestMs } from './installation.ts';
import { jobLock } from './job-turn.ts';
import { isKept } from './journal.ts';
import { hasJournal, type KeptState } from './kept-snapshots.ts';
import { findLostKept, type LostKept } from './lost-kept.ts';
import { OWN_NAME_PREFIX, parseSnapshotName } from './names.ts';
import { devicesOf } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { loadRun } from './run-record.ts';
import type { Run } from './step.ts';
import { undoSteps } from './undo.ts';

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
      const state = await ((await hasJournal(ports, runId))
        ? deleteJournaled(ports, runId, apply, signal)
        : deleteLost(ports, runId, apply, signal));
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
  if (!(await hasJournal(ports, runId))) throw notKept(runId);
  await withKeptRun(ports, runId, signal, async ({ journal }) => {
    await journal.append({ kind: 'labelled', data: { label } });
  });
}

async function deleteJournaled(ports: JobPorts, runId: RunId, apply: boolean, signal: AbortSignal) {
  if (!apply) return stateOf(keptRun(runId, await loadRun(ports, runId)), signal);
  return withKeptRun(ports, runId, signal, async (run, lock) => {
    const either = AbortSignal.any([signal, lock.lost]);
    const state = await stateOf(run, either);
    const errors = await undoSteps(run, { only: ['capture', 'group'], signal: either });
    if (errors.length > 0) throw notDeleted(run.plan.snapshotName, errors);
    await ports.journals.close(runId);
    return state;
  });
}

/** The job's lock is held meanwhile: whoever else changes its runs waits. */
async function withKeptRun<Result>(
  ports: JobPorts,
  runId: RunId,
  signal: AbortSignal,
  work: (run: Run, lock: Lock) => Promise<Result>,
): Promise<Result> {
  const { plan } = keptRun(runId, await loadRun(ports, runId));
  const lock = await ports.locks.acquire(jobLock(plan.spec.name), plan.spec.limits.lockWaitMs, { signal });
  try {
    return await work(keptRun(runId, await loadRun(ports, runId, { lock })), lock);
  } finally {
    await lock.release();
  }
}

function keptRun(runId: RunId, { run, journal }: Awaited<ReturnType<typeof loadRun>>): Run {
  if (!run || !isKept(journal.state)) throw notKept(runId);
  return run;
}

/** Errors: `E_SNAPSHOT_LINKED`. */
async function stateOf({ plan, array }: Run, signal: AbortSignal): Promise<'present' | 'gone'> {
  const found = await array.findSnapshots({ name: plan.snapshotName, devices: devicesOf(plan) }, signal);
  checkUnlinked(plan.runId, found);
  return found.length === 0 ? 'gone' : 'present';
}

function checkUnlinked(runId: RunId, found: LostKept['snapshots']): void {
  const [target] = found.flatMap(({ linkedTargets }) => linkedTargets);
  if (!target) return;
  throw new SnaphookError('E_SNAPSHOT_LINKED', `kept snapshot "${runId}" is linked to target "${target.target}"`, {
    hint: 'Somebody reads or copies it. Unlink it first; whoever linked it does that when the work is done.',
  });
}

async function deleteLost(ports: JobPorts, runId: RunId, apply: boolean, signal: AbortSignal): Promise<'present'> {
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
  throw notKept(runId);
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
