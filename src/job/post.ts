import { SnaphookError } from '../ports/errors.ts';
import type { JobSpec } from './job-spec.ts';
import type { JobPorts } from './ports.ts';
import { jobLock } from './pre.ts';
import { cleanUpRun, loadRun } from './run-record.ts';

export interface PostResult {
  /** Runs that were ended, oldest first; `handedOver` is false for one whose pre hook had died. */
  readonly runs: readonly { readonly runId: string; readonly handedOver: boolean }[];
}

/**
 * The post hook: knows nothing but the job's name, finds the open run in the journals, and releases everything of it.
 * Errors: `E_NO_RUN` when the job has no open run, `E_LOCKED` while its pre hook still works, `E_LEFTOVERS`.
 */
export async function post(ports: JobPorts, spec: JobSpec): Promise<PostResult> {
  const lock = await ports.locks.acquire(jobLock(spec.name), spec.limits.lockWaitMs);
  try {
    const open = await ports.journals.openRuns(spec.name);
    if (open.length === 0) {
      throw new SnaphookError('E_NO_RUN', `job "${spec.name}" has no open run`, {
        hint: 'Nothing is left to clean up. If the pre hook should have run, look at its output first.',
      });
    }
    const runs: { runId: string; handedOver: boolean }[] = [];
    for (const { runId } of open) {
      const { journal } = await loadRun(ports, runId);
      const handedOver = journal.state.handedOverAt !== undefined;
      await cleanUpRun(ports, runId, handedOver ? 'handed-over-and-released' : 'recovered');
      runs.push({ runId, handedOver });
    }
    return { runs };
  } finally {
    await lock.release();
  }
}
