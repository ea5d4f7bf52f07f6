import { type ErrorRecord, SnaphookError } from '../ports/errors.ts';
import { runId as parseRunId } from '../ports/identity.ts';
import type { JobSpec } from './job-spec.ts';
import { jobLock } from './job-turn.ts';
import { type Deletion, deleteKept } from './kept-changes.ts';
import { listKept } from './kept-snapshots.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { type Overdue, overdueSnapshots, vmsOf } from './retention.ts';
import { isKept } from './run-state.ts';

export interface PruneRequest {
  readonly spec: Pick<JobSpec, 'name' | 'retention'>;
  /** Only snapshots of exactly the VMs of this run. */
  readonly sameVmsAs?: string;
  /** False: look only. */
  readonly apply: boolean;
}

export interface PruneResult {
  readonly overdue: readonly Overdue[];
  readonly deletions: readonly Deletion[];
  /** What could not be looked at, and keeps what it holds. */
  readonly problems: readonly ErrorRecord[];
}

/** Deletes the kept snapshots of a job whose time is over. */
export async function pruneKept(ports: JobPorts, request: PruneRequest, signal: AbortSignal): Promise<PruneResult> {
  const { spec, sameVmsAs, apply } = request;
  if (apply) await closeEnded(ports, spec.name);
  const { snapshots, problems } = await listKept(ports, signal);
  const ofJob = snapshots.filter(({ job }) => job === spec.name);
  const model = ofJob.find(({ runId }) => runId === sameVmsAs);
  const candidates = sameVmsAs === undefined ? ofJob : ofJob.filter((one) => model && vmsOf(one) === vmsOf(model));
  const overdue = overdueSnapshots(candidates, spec.retention, ports.clock.now());
  const ids = overdue.map(({ snapshot }) => parseRunId(snapshot.runId));
  return { overdue, deletions: await deleteKept(ports, ids, { apply }, signal), problems };
}

/** Whoever deleted them died before their journals were moved. Under the job's lock: whoever is deleting one now still writes to it. */
async function closeEnded(ports: JobPorts, ofJob: string): Promise<void> {
  const lock = await ports.locks.acquire(jobLock(ofJob), 0).catch((error: unknown) => {
    if (error instanceof SnaphookError && error.code === 'E_LOCKED') return undefined;
    throw error;
  });
  if (!lock) return;
  try {
    for (const { runId, job } of await ports.journals.keptRuns()) {
      const journal = job === ofJob ? await readJournal(ports, runId).catch(() => undefined) : undefined;
      if (journal && !isKept(journal.state)) await ports.journals.close(runId);
    }
  } finally {
    await lock.release();
  }
}
