import { SnaphookError } from '../ports/errors.ts';
import type { Demand, Lock, LockUser } from '../ports/journal.ts';
import { isAllThere } from './all-there.ts';
import { HookPlace, isPreHook, KEEPER, preHookOf, productRunOf } from './hook-place.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { failedLeader, isReadByOthers, isWaiting, mayJoin, memberLock, readersOf, requireOwnVms } from './members.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { areFellows, isSameRun } from './product-run.ts';
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

/** The job belongs to this hook, and no earlier run of it is open but the one that this call has joined. */
export interface Turn {
  readonly lock: Lock;
  /** Made by another call of the same run of the product: nothing is left to do. */
  readonly joined: JoinedRun | undefined;
  /** The request's signal, or the lock was lost, or somebody asked this hook to stop. */
  readonly signal: AbortSignal;
}

export interface JoinedRun {
  readonly runId: string;
  readonly state: RunState;
}

/** What is to become of the turn, when all earlier runs of the job that are over are cleaned up. */
type Cleared = { readonly waitFor: string } | { readonly join: string } | 'ours';

/**
 * Where the product makes several calls for one run of its own: a second hook of the same call meets the first as at a job, and the post
 * hook stops it, wherever it waits.
 */
export async function asMember<Result>(
  request: TurnRequest,
  work: (request: TurnRequest) => Promise<Result>,
): Promise<Result> {
  const { context, ports, spec } = request;
  if (!context.member) return work(request);
  const place = new HookPlace(preHookOf(context), ports.clock);
  const { lock } = await lockHook(request, place, memberLock(spec.name, context, context.member.name));
  try {
    return await work({ ...request, signal: AbortSignal.any([request.signal, lock.lost, lock.listenForStop()]) });
  } finally {
    await lock.release();
  }
}

/**
 * Takes the job for one pre hook. A crashed run is cleaned up. For a pre hook that is at work, and for a run that is handed over
 * and may be read by the backup product, the job's `onOpenRun` decides; what the backup product itself has started again is over, and what
 * further calls of it read is replaced by none of its calls.
 * Of several calls of one run of the product the first makes the run; the others wait for it, join it, and fail as it fails.
 * A snapshot that is kept, a clone or a revert stops no hook, is stopped by none, and leaves runs alone that are handed over: whether they
 * are in its way it finds out itself.
 * Errors: `E_LOCKED`, `E_RUN_OPEN`, `E_LEADER`, `E_EXPORT` for a run to join that is not all there, `E_LEFTOVERS`, and the signal's reason.
 */
export async function takeTurn(request: TurnRequest): Promise<Turn> {
  const { context, ports } = request;
  const isKeeper = staysByItself(request.spec);
  const place = new HookPlace(isKeeper ? KEEPER : preHookOf(context), ports.clock);
  for (;;) {
    const { lock, hasWaitedForFellow } = await lockHook(request, place, jobLock(request.spec.name));
    let cleared: Cleared;
    try {
      const asked = isKeeper ? [] : [lock.listenForStop()];
      const signal = AbortSignal.any([request.signal, lock.lost, ...asked]);
      cleared = await clearEarlierRuns(request, lock, signal);
      if (cleared === 'ours') {
        if (hasWaitedForFellow) await throwIfLeaderFailed(request, place);
        return { lock, signal, joined: undefined };
      }
      if ('join' in cleared) return { lock, signal, joined: await joinRun({ ...request, signal }, lock, cleared.join) };
    } catch (error) {
      await lock.release();
      throw error;
    }
    // Its post hook needs the lock.
    await lock.release();
    await waitForRelease(request, cleared.waitFor);
  }
}

/** `hasWaitedForFellow`: another call of the same run of the product was at work. */
async function lockHook(
  { ports, spec, context, doing, signal }: TurnRequest,
  place: HookPlace,
  name: string,
): Promise<{ readonly lock: Lock; readonly hasWaitedForFellow: boolean }> {
  const { clock, locks, reporter } = ports;
  const untilMs = clock.monotonicMs() + (spec.onOpenRun === 'fail' ? spec.limits.lockWaitMs : Number.POSITIVE_INFINITY);
  let lastTold = '';
  let isOvertaken = false;
  let hasWaitedForFellow = false;
  const meet = (holder: LockUser | undefined): Demand => {
    doing('waiting for another hook of the job');
    if (isJobLock(name) && areFellows(productRunOf(holder), context)) {
      if (!hasWaitedForFellow) reporter.info('another call of the same backup makes the run; waiting for it');
      hasWaitedForFellow = true;
      return { waitMs: Number.POSITIVE_INFINITY };
    }
    // After a wait for a fellow nothing is left of a short wait.
    if (hasWaitedForFellow && !isPreHook(holder)) return { waitMs: Number.POSITIVE_INFINITY };
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
    const lock = await locks.acquire(name, waitMs, { signal, user: place.user, meet });
    place.hadTheLock();
    return { lock, hasWaitedForFellow };
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

/** Ends the open runs of the job; one may be left whose end is to be waited for, or that this call is to join. */
async function clearEarlierRuns(request: TurnRequest, lock: Lock, signal: AbortSignal): Promise<Cleared> {
  const { ports, spec, context } = request;
  await ports.journals.sweep();
  for (const { runId: id } of await ports.journals.openRuns(spec.name)) {
    signal.throwIfAborted();
    const { state } = (await loadRun(ports, id)).journal;
    // Also one that nobody reads at this moment: its last post hook gives way to whoever is about to join.
    if (mayJoin(state, context, ports.clock.now())) return { join: id };
    if (isWaiting(state, ports.clock.now())) {
      if (staysByItself(spec)) continue;
      // Other calls of that run may still read what it handed over.
      if (isSameRun(state.context, context) && state.members.length === 0) {
        const fields = { run: id, productRunId: context.productRunId };
        ports.reporter.warn('the backup product has started this run again; its earlier attempt is over', fields);
      } else if (isInTheWay(request, state)) return { waitFor: id };
      else if (spec.onOpenRun === 'fail') throw stillOpen(spec, id);
    }
    ports.reporter.warn('cleaning up an earlier run of this job', { run: id });
    await recover(request, lock, id);
  }
  signal.throwIfAborted();
  return 'ours';
}

/** What the first call was told is true of a further one only as long as all of it is there: the machine may have been started anew since. */
async function joinRun(
  { ports, spec, context, doing, signal }: TurnRequest,
  lock: Lock,
  id: string,
): Promise<JoinedRun> {
  const { journal, run } = await loadRun(ports, id, { lock });
  if (!run) throw new TypeError('only a run that was handed over is joined');
  requireOwnVms(run.plan.vms, spec.ownVms ?? [], run.plan.runId);
  doing(`looking at what run ${id} handed over`);
  if (!(await isAllThere(run, signal))) throw notAllThere(spec, id, run.plan.spec.exportDirectory);
  signal.throwIfAborted();
  if (context.member) await journal.append({ kind: 'joined', data: { member: context.member.name } });
  ports.reporter.info('another call of the same backup made the run; this one reads it too', { run: id });
  return { runId: id, state: journal.state };
}

async function throwIfLeaderFailed({ ports, spec, context }: TurnRequest, { user }: HookPlace): Promise<void> {
  const read = (id: string) => stateOf(ports, id);
  const error = await failedLeader(ports, context, spec.name, { since: user.beganAtMs, read });
  if (error) throw error;
}

/** Once begun it goes on through signals, as half a clean-up helps nobody; the time for going forward ends it. */
async function recover({ ports, spec, time }: TurnRequest, lock: Lock, id: string): Promise<void> {
  const limit = forwardLimit(ports.clock, spec, time);
  await cleanUpWithin(ports, id, 'recovered', limit, { lock, endsAtMs: time.endsAtMs });
}

/** Is the end of this run, which waits for its post hook, to be waited for? To `replace` one that others read is to wait for them. */
const isInTheWay = ({ spec, context }: TurnRequest, state: RunState): boolean =>
  spec.onOpenRun === 'wait' || (spec.onOpenRun === 'replace' && isReadByOthers(state, context));

async function waitForRelease(request: TurnRequest, id: string): Promise<void> {
  const { ports, spec, doing, signal } = request;
  ports.reporter.info('waiting for the post hook of an earlier run of this job', { run: id });
  doing(`waiting for the post hook of run ${id}`);
  let state: RunState | undefined;
  try {
    for (;;) {
      state = await stateOf(ports, id);
      if (!state || !isWaiting(state, ports.clock.now()) || !isInTheWay(request, state)) return;
      await ports.clock.sleep(LOOK_AGAIN_MS, signal);
    }
  } catch (error) {
    if (!isTimeOver(signal)) throw error;
    throw spec.onOpenRun === 'replace' && state ? stillRead(spec, id, state, error) : stillOpen(spec, id, error);
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

const stillRead = (spec: JobSpec, id: string, state: RunState, cause: unknown) =>
  new SnaphookError('E_RUN_OPEN', `run "${id}" of job "${spec.name}" is still read by other calls of its backup`, {
    cause,
    hint: `No post hook came of: ${readersOf(state).join(', ')}. If they have ended, run \`snaphook post --job ${spec.name}\`.`,
  });

const notAllThere = (spec: JobSpec, id: string, directory: string) =>
  new SnaphookError('E_EXPORT', `what run "${id}" handed over in "${directory}" is not all there any more`, {
    hint: `Do not back it up. End the run with \`snaphook post --job ${spec.name}\`, and let the backup product start again.`,
  });
