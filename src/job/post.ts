import { SnaphookError } from '../ports/errors.ts';
import type { Demand, Lock, LockUser } from '../ports/journal.ts';
import { withHeartbeat } from './heartbeat.ts';
import { HookPlace, POST_HOOK, productRunOf } from './hook-place.ts';
import type { JobSpec } from './job-spec.ts';
import { jobLock, overtaken } from './job-turn.ts';
import type { BackupResult } from './journal-records.ts';
import { memberLock } from './members.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { areFellows, isOtherRun, type ProductRun } from './product-run.ts';
import { cleanUpWithin } from './run-record.ts';
import { type RunTime, runTimeFromNow, undoLimit } from './run-time.ts';
import { type LeftRun, leaveRuns, type OwnRun, sortRuns } from './sort-runs.ts';

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
  /** Of several calls of one run of the product this one has ended; the others end the run. */
  readonly leftToOthers: readonly LeftRun[];
}

/**
 * The post hook: finds the open runs of the job in the journals, and releases everything of them. It needs no more than the job's name;
 * `context` is who called, if known: a run that is provably of another run of the same product is left alone, and one that other calls
 * of the same run of the product still read is ended by the last of them.
 * A pre hook that still works is asked to stop and undoes its own work. All of it ends within the job's deadline.
 * Errors: `E_NO_RUN` when the job has no open run, or only others', `E_LOCKED` when another hook of it does not end, `E_LEFTOVERS`.
 */
export async function post(
  ports: JobPorts,
  spec: JobSpec,
  context?: ProductRun,
  result: BackupResult = 'unknown',
): Promise<PostResult> {
  const time = runTimeFromNow(ports.clock, spec);
  const heartbeat = { everyMs: spec.limits.heartbeatMs, mayTell: () => true };
  return withHeartbeat(ports, heartbeat, async (beating, doing) => {
    const work: Work = { ports: beating, spec, context, result, time, doing };
    const member = await lockMember(work);
    try {
      return await endOpenRuns(work, member);
    } finally {
      await member?.release();
    }
  });
}

/** How long those who may join the run in a moment are waited for. */
const JOIN_WAIT_MS = 5000;
const LOOK_AGAIN_MS = 250;

async function endOpenRuns(work: Work, member: Lock | undefined): Promise<PostResult> {
  const { ports, spec, context } = work;
  const openBefore = await ports.journals.openRuns(spec.name);
  const joinEndsAtMs = ports.clock.monotonicMs() + JOIN_WAIT_MS;
  let stoppedPre = member?.stoppedHolder ?? false;
  let hasLeft = false;
  for (;;) {
    const lock = await lockJob(work, stoppedPre);
    if (!lock) return { stoppedPre, runs: [], leftToOthers: [] };
    try {
      stoppedPre ||= lock.stoppedHolder;
      await ports.journals.sweep();
      hasLeft = (await leaveRuns(work, lock)) || hasLeft;
      const open = await ports.journals.openRuns(spec.name);
      const { own, others, leftToOthers, isAwaited } = await sortRuns(work, open);
      if (!isAwaited || ports.clock.monotonicMs() >= joinEndsAtMs) {
        const openIds = new Set(open.map(({ runId }) => runId));
        const gone = openBefore.flatMap(({ runId }) => (openIds.has(runId) ? [] : [runId]));
        const cancelled = stoppedPre ? await cancelledRuns(work, gone) : [];
        const runs = [...cancelled, ...(await endRuns(work, own, lock))];
        for (const run of others) {
          ports.reporter.warn('an open run is of another run of the backup product and is left alone', { run });
        }
        const left = hasLeft ? leftToOthers : [];
        if (runs.length === 0 && !stoppedPre && !hasLeft) {
          throw noRun(spec, context, [...others, ...leftToOthers.map(({ runId }) => runId)]);
        }
        return { stoppedPre, runs, leftToOthers: left };
      }
    } finally {
      await lock.release();
    }
    await ports.clock.sleep(LOOK_AGAIN_MS);
  }
}

interface Work {
  readonly ports: JobPorts;
  readonly spec: JobSpec;
  readonly context: ProductRun | undefined;
  /** How the backup ended, as the product said. */
  readonly result: BackupResult;
  readonly time: RunTime;
  readonly doing: (what: string) => void;
}

/** How long a pre hook of another run of the product, which is not stopped, is waited for before the journals are looked at. */
const OTHERS_WAIT_MS = 1000;

/** Where this call is one of several: its own pre hook is stopped wherever it waits, and no other one. */
async function lockMember({ ports, spec, context, time, doing }: Work): Promise<Lock | undefined> {
  if (!context?.member) return undefined;
  const place = new HookPlace(POST_HOOK, ports.clock);
  const leftMs = () => time.forwardEndsAtMs - ports.clock.monotonicMs();
  let isOvertaken = false;
  const meet = (holder: LockUser | undefined): Demand => {
    isOvertaken = place.isOvertakenBy(holder);
    if (isOvertaken) return { waitMs: 0 };
    doing('waiting for the pre hook of this call to end');
    return { waitMs: leftMs(), stop: `the post hook of job "${spec.name}" came` };
  };
  const name = memberLock(spec.name, context, context.member.name);
  try {
    return await ports.locks.acquire(name, leftMs(), { user: place.user, meet });
  } catch (error) {
    throw isOvertaken ? overtaken(spec, error) : error;
  }
}

/**
 * Pre hooks that began before this hook are asked to stop, one after the other; to one that began after it this hook gives way. One of
 * another run of the product, or of another call of the same run, is left alone: it is waited for only while a run of ours is open.
 * Undefined: what this hook had to do is done.
 */
async function lockJob(work: Work, isDone: boolean): Promise<Lock | undefined> {
  const { ports, spec, context, time, doing } = work;
  const { clock, locks, reporter } = ports;
  const place = new HookPlace(POST_HOOK, clock);
  const leftMs = () => time.forwardEndsAtMs - clock.monotonicMs();
  let isTold = false;
  for (;;) {
    let isOvertaken = false;
    let isOthers = false;
    const meet = (holder: LockUser | undefined): Demand => {
      const met = productRunOf(holder);
      isOthers = isOtherRun(met, context) || areFellows(met, context);
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
      const { own, others, hasOwnReading } = await sortRuns(work, await ports.journals.openRuns(spec.name));
      // A run of several calls that was not handed over is made by the one that is at work.
      const isOurs = context?.member ? hasOwnReading : own.length > 0;
      if (!isOurs && isDone) return undefined;
      if (!isOurs) throw noRun(spec, context, others);
      if (leftMs() <= 0) throw error;
    }
  }
}

/** Those of the runs that undid themselves; the other ones were ended by somebody else meanwhile. */
async function cancelledRuns({ ports, context }: Work, ids: readonly string[]): Promise<EndedRun[]> {
  const runs: EndedRun[] = [];
  for (const runId of ids) {
    const { outcome, context: opener } = (await readJournal(ports, runId)).state;
    const isOwn = context?.member === undefined || opener?.member?.name === context.member.name;
    if (isOwn && (outcome === 'failed' || outcome === 'nothing-done'))
      runs.push({ runId, handedOver: false, cancelled: true });
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

async function endRun(work: Work, { runId, handedOver }: OwnRun, lock: Lock): Promise<EndedRun> {
  const { ports, spec, time, result } = work;
  const outcome = handedOver ? 'handed-over-and-released' : 'recovered';
  const limit = undoLimit(ports.clock, spec, time);
  const backup = handedOver ? result : undefined;
  await cleanUpWithin(ports, runId, outcome, limit, { lock, endsAtMs: time.endsAtMs, backup });
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
  if (context?.member) {
    return new SnaphookError(
      'E_NO_RUN',
      `job "${spec.name}" has no open run that call "${context.member.name}" reads; run "${others.join('", "')}" was left alone`,
      { hint: 'The last of the calls that read it ends it. `snaphook post` ends whatever is open.' },
    );
  }
  const id = context?.productRunId;
  return new SnaphookError(
    'E_NO_RUN',
    `job "${spec.name}" has no open run of the product's run "${id}"; run "${others.join('", "')}" is of another one and was left alone`,
    { hint: 'The post hook of that run ends it. `snaphook post` without `--run-id` ends whatever is open.' },
  );
}
