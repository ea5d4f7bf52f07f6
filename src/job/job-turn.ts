import { SnaphookError } from '../ports/errors.ts';
import type { Demand, Lock, LockUser } from '../ports/journal.ts';
import { HookPlace, KEEPER, preHookOf } from './hook-place.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { isSameRun } from './product-run.ts';
import { cleanUpWithin, loadRun } from './run-record.ts';
import type { RunState } from './run-state.ts';
import { forwardLimit, type RunTime } from './run-time.ts';

const JOB_LOCK_PREFIX = 'job-';
export const jobLock = (job: string): string => `${JOB_LOCK_PREFIX}${job}`;
export const isJobLock = (lock: string): boolean => lock.startsWith(JOB_LOCK_PREFIX);

/** How often the journal of a run that waits for its post hook is looked at. */
const LOOK_AGAIN_MS = 1000;

export interface TurnRequest {
  readonly ports: JobPorts;
  readonly spec: JobSpec;
  readonly context: JobContext;
  readonly time: RunTime;
  readonly doing: (what: string) => void;
  /** Interruption, or the end of the time for going forward. */
  readonly signal: AbortSignal;
}

/** The job belongs to this hook, and no earlier run of it is open. */
export interface Turn {
  readonly lock: Lock;
  /** The request's signal, or the lock was lost, or somebody asked this hook to stop. */
  readonly signal: AbortSignal;
}

/**
 * Takes the job for one pre hook. A crashed run is cleaned up. For a pre hook that is at work, and for a run that is handed over
 * and may be read by the backup product, the job's `onOpenRun` decides; what the backup product itself has started again is over.
 * A snapshot that is kept, a clone or a revert stops no hook, is stopped by none, and leaves runs alone that are handed over: whether they
 * are in its way it finds out itself.
 * Errors: `E_LOCKED`, `E_RUN_OPEN`, `E_LEFTOVERS`, and the signal's reason.
 */
export async function takeTurn(request: TurnRequest): Promise<Turn> {
  const { context, ports } = request;
  const isKeeper = staysByItself(request.spec);
  const place = new HookPlace(isKeeper ? KEEPER : preHookOf(context), ports.clock);
  for (;;) {
    const lock = await lockJob(request, place);
    let waiting: string | undefined;
    try {
      const asked = isKeeper ? [] : [lock.listenForStop()];
      const signal = AbortSignal.any([request.signal, lock.lost, ...asked]);
      waiting = await clearEarlierRuns(request, lock, signal);
      if (waiting === undefined) return { lock, signal };
    } catch (error) {
      await lock.release();
      throw error;
    }
    // Its post hook needs the lock.
    await lock.release();
    await waitForRelease(request, waiting);
  }
}

async function lockJob({ ports, spec, context, doing, signal }: TurnRequest, place: HookPlace): Promise<Lock> {
  const { clock, locks, reporter } = ports;
  const untilMs = clock.monotonicMs() + (spec.onOpenRun === 'fail' ? spec.limits.lockWaitMs : Number.POSITIVE_INFINITY);
  let lastTold = '';
  let isOvertaken = false;
  const meet = (holder: LockUser | undefined): Demand => {
    doing('waiting for another hook of the job');
    const isRetry = context.productRunId !== undefined && holder?.who === place.user.who;
    const replaces = isRetry || spec.onOpenRun === 'replace';
    isOvertaken = place.isOvertakenBy(holder) && replaces;
    if (isOvertaken) return { waitMs: 0 };
    const tell = `another hook of this job is at work; ${replaces ? 'a pre hook is asked to stop' : 'waiting for it'}`;
    if (tell !== lastTold) reporter.warn(tell, isRetry ? { retryOf: context.productRunId } : {});
    lastTold = tell;
    // Undoing takes its time: whoever asks for it waits for it.
    return replaces
      ? { waitMs: Number.POSITIVE_INFINITY, stop: `another pre hook of job "${spec.name}" came` }
      : { waitMs: untilMs - clock.monotonicMs() };
  };
  try {
    const waitMs = untilMs - clock.monotonicMs();
    const lock = await locks.acquire(jobLock(spec.name), waitMs, { signal, user: place.user, meet });
    place.hadTheLock();
    return lock;
  } catch (error) {
    if (isTimeOver(signal)) throw stillAtWork(spec, signal.reason);
    if (!(error instanceof SnaphookError) || error.code !== 'E_LOCKED') throw error;
    throw isOvertaken ? overtaken(spec, error) : stillAtWork(spec, error);
  }
}

/**
 * What the journal of a run says that another hook may be writing to, or closing, at this very moment. Undefined when it cannot be
 * read: whoever has the lock next looks at it in peace and tells what is wrong.
 */
async function stateOf(ports: JobPorts, id: string): Promise<RunState | undefined> {
  return readJournal(ports, id).then(
    ({ state }) => state,
    () => undefined,
  );
}

/** What is made is of no backup: no hook ends it, and it is in the way of none. */
const staysByItself = ({ keep, clone, revert }: JobSpec): boolean =>
  keep !== undefined || clone !== undefined || revert !== undefined;

/** Handed over, and its images may be read by the backup product. */
const isWaiting = (state: RunState | undefined): boolean => state?.handedOverAt !== undefined && !state.releasing;

/** Ends the open runs of the job; returns the one whose end is to be waited for. */
async function clearEarlierRuns(request: TurnRequest, lock: Lock, signal: AbortSignal): Promise<string | undefined> {
  const { ports, spec, context } = request;
  await ports.journals.sweep();
  for (const { runId: id } of await ports.journals.openRuns(spec.name)) {
    signal.throwIfAborted();
    const { state } = (await loadRun(ports, id)).journal;
    if (isWaiting(state)) {
      if (staysByItself(spec)) continue;
      if (isSameRun(state.context, context)) {
        const fields = { run: id, productRunId: context.productRunId };
        ports.reporter.warn('the backup product has started this run again; its earlier attempt is over', fields);
      } else if (spec.onOpenRun === 'wait') return id;
      else if (spec.onOpenRun === 'fail') throw stillOpen(spec, id);
    }
    ports.reporter.warn('cleaning up an earlier run of this job', { run: id });
    await recover(request, lock, id);
  }
  signal.throwIfAborted();
  return undefined;
}

/** Once begun it goes on through signals, as half a clean-up helps nobody; the time for going forward ends it. */
async function recover({ ports, spec, time }: TurnRequest, lock: Lock, id: string): Promise<void> {
  const limit = forwardLimit(ports.clock, spec, time);
  await cleanUpWithin(ports, id, 'recovered', limit, { lock, endsAtMs: time.endsAtMs });
}

async function waitForRelease({ ports, spec, doing, signal }: TurnRequest, id: string): Promise<void> {
  ports.reporter.info('waiting for the post hook of an earlier run of this job', { run: id });
  doing(`waiting for the post hook of run ${id}`);
  try {
    while (isWaiting(await stateOf(ports, id))) await ports.clock.sleep(LOOK_AGAIN_MS, signal);
  } catch (error) {
    throw isTimeOver(signal) ? stillOpen(spec, id, error) : error;
  }
}

const isTimeOver = (signal: AbortSignal): boolean =>
  signal.reason instanceof SnaphookError && signal.reason.code === 'E_DEADLINE';

const stillAtWork = (spec: JobSpec, cause: unknown) =>
  new SnaphookError('E_LOCKED', `another hook of job "${spec.name}" is at work`, {
    cause,
    retry: 'safe',
    hint: `Let it end; \`snaphook status\` shows its run.${staysByItself(spec) ? '' : ' `--on-open-run wait` waits for it, `replace` stops a pre hook and goes on.'}`,
  });

/** A hook that waited, and that a later pre hook of its job got ahead of: it must not stop what its product has begun since. */
export const overtaken = (spec: JobSpec, cause: unknown) =>
  new SnaphookError('E_LOCKED', `another pre hook of job "${spec.name}" began later and is at work now`, {
    cause,
    hint: 'The backup product has started a pre hook since: that one ends what earlier runs left. Nothing has to be done here.',
  });

const stillOpen = (spec: JobSpec, id: string, cause?: unknown) =>
  new SnaphookError('E_RUN_OPEN', `run "${id}" of job "${spec.name}" is handed over and waits for its post hook`, {
    cause,
    hint: 'If its backup has ended, run `snaphook post` for the job; `--on-open-run replace` ends it and goes on.',
  });
