import { SnaphookError } from '../ports/errors.ts';
import type { Demand, Lock, LockUser, OpenRun } from '../ports/journal.ts';
import { withHeartbeat } from './heartbeat.ts';
import { HookPlace, POST_HOOK, productRunOf } from './hook-place.ts';
import type { JobSpec } from './job-spec.ts';
import { jobLock, overtaken } from './job-turn.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { isOtherRun, type ProductRun } from './product-run.ts';
import { cleanUpWithin } from './run-record.ts';
import { type RunTime, runTimeFromNow, undoLimit } from './run-time.ts';

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
 * The post hook: finds the open runs of the job in the journals, and releases everything of them. It needs no more than the job's name;
 * `context` is who called, if known: a run that is provably of another run of the same product is left alone.
 * A pre hook that still works is asked to stop and undoes its own work. All of it ends within the job's deadline.
 * Errors: `E_NO_RUN` when the job has no open run, or only others', `E_LOCKED` when another hook of it does not end, `E_LEFTOVERS`.
 */
export async function post(ports: JobPorts, spec: JobSpec, context?: ProductRun): Promise<PostResult> {
  const time = runTimeFromNow(ports.clock, spec);
  const heartbeat = { everyMs: spec.limits.heartbeatMs, mayTell: () => true };
  return withHeartbeat(ports, heartbeat, async (beating, doing) => {
    const work: Work = { ports: beating, spec, context, time, doing };
    const openBefore = await beating.journals.openRuns(spec.name);
    const lock = await lockJob(work);
    try {
      await beating.journals.sweep();
      const open = await beating.journals.openRuns(spec.name);
      const openIds = new Set(open.map(({ runId }) => runId));
      const cancelled = lock.stoppedHolder
        ? await cancelledRuns(
            beating,
            openBefore.flatMap(({ runId }) => (openIds.has(runId) ? [] : [runId])),
          )
        : [];
      const { own, others } = await sortRuns(work, open);
      const runs = [...cancelled, ...(await endRuns(work, own, lock))];
      for (const run of others) {
        beating.reporter.warn('an open run is of another run of the backup product and is left alone', { run });
      }
      if (runs.length === 0 && !lock.stoppedHolder) throw noRun(spec, context, others);
      return { stoppedPre: lock.stoppedHolder, runs };
    } finally {
      await lock.release();
    }
  });
}

interface Work {
  readonly ports: JobPorts;
  readonly spec: JobSpec;
  readonly context: ProductRun | undefined;
  readonly time: RunTime;
  readonly doing: (what: string) => void;
}

/** How long a pre hook of another run of the product, which is not stopped, is waited for before the journals are looked at. */
const OTHERS_WAIT_MS = 1000;

/**
 * Pre hooks that began before this hook are asked to stop, one after the other; to one that began after it this hook gives way. One of
 * another run of the product is left alone: it is waited for only while a run of ours is open.
 */
async function lockJob(work: Work): Promise<Lock> {
  const { ports, spec, context, time, doing } = work;
  const { clock, locks, reporter } = ports;
  const place = new HookPlace(POST_HOOK, clock);
  const leftMs = () => time.forwardEndsAtMs - clock.monotonicMs();
  let isTold = false;
  for (;;) {
    let isOvertaken = false;
    let isOthers = false;
    const meet = (holder: LockUser | undefined): Demand => {
      isOthers = isOtherRun(productRunOf(holder), context);
      isOvertaken = place.isOvertakenBy(holder) && !isOthers;
      if (isOvertaken) return { waitMs: 0 };
      doing('waiting for another hook of the job to end');
      if (isOthers) return { waitMs: Math.min(OTHERS_WAIT_MS, leftMs()) };
      if (!isTold) reporter.warn('another hook of this job is at work; a pre hook is asked to stop');
      isTold = true;
      return { waitMs: leftMs(), stop: `the post hook of job "${spec.name}" came` };
    };
    try {
      return await locks.acquire(jobLock(spec.name), leftMs(), { user: place.user, meet });
    } catch (error) {
      if (!(error instanceof SnaphookError) || error.code !== 'E_LOCKED') throw error;
      if (isOvertaken) throw overtaken(spec, error);
      if (!isOthers) throw error;
      const { own, others } = await sortRuns(work, await ports.journals.openRuns(spec.name));
      if (own.length === 0) throw noRun(spec, context, others);
      if (leftMs() <= 0) throw error;
    }
  }
}

type OwnRun = Pick<EndedRun, 'runId' | 'handedOver'>;

/** Runs to end, and those of other runs of the product. What cannot be read, or says nothing, is ours to end. */
async function sortRuns({ ports, context }: Work, open: readonly OpenRun[]) {
  const own: OwnRun[] = [];
  const others: string[] = [];
  for (const { runId } of open) {
    const state = await readJournal(ports, runId).then(
      (journal) => journal.state,
      () => undefined,
    );
    if (isOtherRun(state?.context, context)) others.push(runId);
    else own.push({ runId, handedOver: state?.handedOverAt !== undefined });
  }
  return { own, others };
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

/** Every one of them is tried; the errors are told together. */
async function endRuns(work: Work, runs: readonly OwnRun[], lock: Lock): Promise<EndedRun[]> {
  const ended: EndedRun[] = [];
  const errors: unknown[] = [];
  for (const run of runs) {
    try {
      ended.push(await endRun(work, run, lock));
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 1) throw severalLeft(errors);
  if (errors.length > 0) throw errors[0];
  return ended;
}

async function endRun({ ports, spec, time }: Work, { runId, handedOver }: OwnRun, lock: Lock): Promise<EndedRun> {
  const outcome = handedOver ? 'handed-over-and-released' : 'recovered';
  const limit = undoLimit(ports.clock, spec, time);
  await cleanUpWithin(ports, runId, outcome, limit, { lock, endsAtMs: time.endsAtMs });
  return { runId, handedOver, cancelled: lock.stoppedHolder && !handedOver };
}

function severalLeft(errors: readonly unknown[]): SnaphookError {
  const text = errors.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
  const [first] = errors;
  const hint = first instanceof SnaphookError ? first.hint : undefined;
  return new SnaphookError('E_LEFTOVERS', text, { cause: first, ...(hint === undefined ? {} : { hint }) });
}

function noRun(spec: JobSpec, context: ProductRun | undefined, others: readonly string[]): SnaphookError {
  if (others.length === 0) {
    return new SnaphookError('E_NO_RUN', `job "${spec.name}" has no open run`, {
      hint: 'Nothing is left to clean up. If the pre hook should have run, look at its output first.',
    });
  }
  const id = context?.productRunId;
  return new SnaphookError(
    'E_NO_RUN',
    `job "${spec.name}" has no open run of the product's run "${id}"; run "${others.join('", "')}" is of another one and was left alone`,
    { hint: 'The post hook of that run ends it. `snaphook post` without `--run-id` ends whatever is open.' },
  );
}
