import { SnaphookError } from '../ports/errors.ts';
import type { Demand, Lock, LockUser } from '../ports/journal.ts';
import { withHeartbeat } from './heartbeat.ts';
import { HookPlace, POST_HOOK } from './hook-place.ts';
import type { JobSpec } from './job-spec.ts';
import { jobLock, overtaken } from './job-turn.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { cleanUpRun, loadRun } from './run-record.ts';

export interface EndedRun {
  readonly runId: string;
  /** False for a run whose pre hook was stopped or had died. */
  readonly handedOver: boolean;
  /** Its pre hook was at work and was stopped. */
  readonly cancelled: boolean;
}

export interface PostResult {
  /** A pre hook of the job was at work and was stopped. It may have been too early for a run in `runs`. */
  readonly stoppedPre: boolean;
  /** Runs that were ended, oldest first. */
  readonly runs: readonly EndedRun[];
}

/**
 * The post hook: knows nothing but the job's name, finds the open run in the journals, and releases everything of it.
 * A pre hook that still works is asked to stop; it undoes its own work, for which it is given as long as the job's deadline.
 * Errors: `E_NO_RUN` when the job has no open run, `E_LOCKED` when another hook of it does not end, `E_LEFTOVERS`.
 */
export async function post(ports: JobPorts, spec: JobSpec): Promise<PostResult> {
  const heartbeat = { everyMs: spec.limits.heartbeatMs, mayTell: () => true };
  return withHeartbeat(ports, heartbeat, async (beating, doing) => {
    const openBefore = await beating.journals.openRuns(spec.name);
    const lock = await lockJob(beating, spec, doing);
    try {
      await beating.journals.sweep();
      const open = await beating.journals.openRuns(spec.name);
      const openIds = new Set(open.map(({ runId }) => runId));
      const runs = lock.stoppedHolder
        ? await cancelledRuns(
            beating,
            openBefore.flatMap(({ runId }) => (openIds.has(runId) ? [] : [runId])),
          )
        : [];
      for (const { runId } of open) runs.push(await endRun(beating, runId, lock.stoppedHolder));
      if (runs.length === 0 && !lock.stoppedHolder) throw noRun(spec);
      return { stoppedPre: lock.stoppedHolder, runs };
    } finally {
      await lock.release();
    }
  });
}

/** Pre hooks that began before this hook are asked to stop, one after the other; to one that began after it this hook gives way. */
async function lockJob(
  { clock, locks, reporter }: JobPorts,
  spec: JobSpec,
  doing: (what: string) => void,
): Promise<Lock> {
  const place = new HookPlace(POST_HOOK, clock);
  const { deadlineMs } = spec.limits;
  const untilMs = clock.monotonicMs() + deadlineMs;
  let isTold = false;
  let isOvertaken = false;
  const meet = (holder: LockUser | undefined): Demand => {
    isOvertaken = place.isOvertakenBy(holder);
    if (isOvertaken) return { waitMs: 0 };
    if (!isTold) reporter.warn('another hook of this job is at work; a pre hook is asked to stop');
    isTold = true;
    doing('waiting for another hook of the job to end');
    return { waitMs: untilMs - clock.monotonicMs(), stop: `the post hook of job "${spec.name}" came` };
  };
  try {
    return await locks.acquire(jobLock(spec.name), deadlineMs, { user: place.user, meet });
  } catch (error) {
    throw isOvertaken && error instanceof SnaphookError && error.code === 'E_LOCKED' ? overtaken(spec, error) : error;
  }
}

/** Those of the runs that undid themselves; the other ones were ended by somebody else meanwhile. */
async function cancelledRuns(ports: JobPorts, ids: readonly string[]): Promise<EndedRun[]> {
  const runs: EndedRun[] = [];
  for (const runId of ids) {
    const { outcome } = (await readJournal(ports, runId)).state;
    if (outcome === 'failed' || outcome === 'nothing-done') runs.push({ runId, handedOver: false, cancelled: true });
  }
  return runs;
}

async function endRun(ports: JobPorts, runId: string, wasStopped: boolean): Promise<EndedRun> {
  const { state } = (await loadRun(ports, runId)).journal;
  const handedOver = state.handedOverAt !== undefined;
  await cleanUpRun(ports, runId, handedOver ? 'handed-over-and-released' : 'recovered');
  return { runId, handedOver, cancelled: wasStopped && !handedOver };
}

const noRun = (spec: JobSpec) =>
  new SnaphookError('E_NO_RUN', `job "${spec.name}" has no open run`, {
    hint: 'Nothing is left to clean up. If the pre hook should have run, look at its output first.',
  });
