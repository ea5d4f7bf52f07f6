import { SnaphookError } from '../ports/errors.ts';
import { runId as parseRunId, type RunId } from '../ports/identity.ts';
import { jobLock } from './job-turn.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { cleanUpRun, loadRun } from './run-record.ts';
import type { RunState } from './run-state.ts';
import type { Run } from './step.ts';
import { copyResultOf, datastoreResultOf, registerResultOf } from './step-results.ts';
import { findCopy, refuseUsedCopy } from './steps/copy.ts';
import { findCopy as findMountedCopy, refuseOthers, refuseRunning, registeredOn } from './steps/mounted-copy.ts';

export interface ListedClone {
  readonly runId: RunId;
  readonly job: string;
  /** VM it is a copy of. */
  readonly of: string;
  readonly name: string;
  readonly host: string;
  /** Undefined before a linked copy is mounted. */
  readonly datastore: string | undefined;
  /** That it stands on; undefined of one that vCenter copied. */
  readonly snapshot: string | undefined;
  /** It is made of a kept snapshot, which stays when it goes. */
  readonly isOfKept: boolean;
  /** When the VM was captured. */
  readonly takenAt: Date | undefined;
  /** `present`: made, and not asked to go. `unfinished`: being made or deleted now, or left half way. */
  readonly state: 'present' | 'unfinished';
}

/** Clones by the journals of this machine; asks nobody else. One whose journal cannot be read is told by `status` and `reap`. */
export async function listClones(ports: Pick<JobPorts, 'journals' | 'clock'>): Promise<readonly ListedClone[]> {
  const clones: ListedClone[] = [];
  for (const { runId, job } of await ports.journals.openRuns()) {
    const journal = await readJournal(ports, runId).catch(() => undefined);
    const listed = journal && listedClone(parseRunId(runId), job, journal.state);
    if (listed) clones.push(listed);
  }
  return clones;
}

function listedClone(runId: RunId, job: string, state: RunState): ListedClone | undefined {
  const { plan } = state;
  if (!plan?.clone) return undefined;
  return {
    runId,
    job,
    of: plan.vms[0]?.name ?? '',
    name: (registerResultOf(state) ?? copyResultOf(state))?.name ?? plan.clone.name,
    host: plan.clone.host.name,
    datastore: plan.clone.by === 'vcenter' ? plan.clone.datastore.name : datastoreResultOf(state)?.name,
    snapshot: plan.clone.by === 'vcenter' ? undefined : plan.snapshotName,
    isOfKept: plan.borrowed !== undefined,
    takenAt: plan.borrowed?.takenAt === undefined ? state.capturedAt : new Date(plan.borrowed.takenAt),
    state: isPresentClone(state) ? 'present' : 'unfinished',
  };
}

/** It was made whole, and nobody has begun to take it away. */
export const isPresentClone = ({ plan, handedOverAt, releasing }: RunState): boolean =>
  plan?.clone !== undefined && handedOverAt !== undefined && !releasing;

/**
 * Takes a clone away with everything it stands on: VM out of the inventory, datastore, devices, link, snapshot; or the VM that vCenter
 * copied, with its files. Without `apply` it only
 * looks whether that could be done. Errors: `E_NO_RUN`, `E_CLONE_IN_USE` while it is not powered off, `E_LOCKED`, `E_LEFTOVERS`.
 */
export async function deleteClone(
  ports: JobPorts,
  runId: RunId,
  { apply }: { readonly apply: boolean },
  signal: AbortSignal,
): Promise<ListedClone> {
  const open = (await ports.journals.openRuns()).find((run) => run.runId === runId);
  const listed = open && listedClone(runId, open.job, (await readJournal(ports, runId)).state);
  if (!open || !listed) {
    throw new SnaphookError('E_NO_RUN', `run "${runId}" is no clone that is there`, {
      hint: '`snaphook clone list` shows the clones of this machine.',
    });
  }
  if (!apply) {
    await refuseInUse(ports, runId, signal);
    return listed;
  }
  const lock = await ports.locks.acquire(jobLock(open.job), 0, { signal });
  try {
    await refuseInUse(ports, runId, signal);
    await cleanUpRun(ports, runId, 'handed-over-and-released', { lock, signal });
    return listed;
  } finally {
    await lock.release();
  }
}

/** Looked at before anything is begun, so that a refusal leaves the clone as it is. */
async function refuseInUse(ports: JobPorts, runId: RunId, signal: AbortSignal): Promise<void> {
  const { run } = await loadRun(ports, runId);
  if (!run) return;
  if (run.journal.state.steps.copy.at !== 'untouched') return refuseUsedCopyOf(run, signal);
  if (run.journal.state.steps.datastore.at === 'untouched') return;
  const { hostStorage } = ports;
  try {
    const copy = await findMountedCopy(run, hostStorage, signal);
    const registered = copy && registeredOn(copy, run.plan);
    if (registered) refuseRunning(registered);
    if (copy) refuseOthers(copy, registered);
  } finally {
    await hostStorage.close();
  }
}

async function refuseUsedCopyOf(run: Run, signal: AbortSignal): Promise<void> {
  const { vmSnapshots } = run.ports;
  // Without it deleting fails, too, and says why.
  if (!vmSnapshots) return;
  try {
    const copy = await findCopy(run, vmSnapshots, signal);
    if (copy) refuseUsedCopy(copy);
  } finally {
    await vmSnapshots.close();
  }
}
