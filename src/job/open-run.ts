import type { RunId } from '../ports/identity.ts';
import type { Lock } from '../ports/journal.ts';
import { withinLimit } from './deadline.ts';
import { withHeartbeat } from './heartbeat.ts';
import { whileHeld } from './held-journal.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { asMember, type JoinedRun, type TurnRequest, takeTurn } from './job-turn.ts';
import { RunJournal } from './journal.ts';
import { newRunId } from './names.ts';
import type { JobPorts } from './ports.ts';
import { closeRun, endOf, leftoversError } from './run-record.ts';
import { forwardLimit, runTimeFromNow, undoLimit } from './run-time.ts';
import type { Run } from './step.ts';
import { captureResultOf } from './step-results.ts';
import { closeOpenGuests } from './steps/guests.ts';
import { undoSteps } from './undo.ts';

/** The run of this process, once it has a plan; another one once it has other targets. */
interface CurrentRun {
  run?: Run;
}

/** A run of this process from the first line of its journal on. */
export interface RunAtWork extends Omit<TurnRequest, 'signal' | 'doing'> {
  readonly id: RunId;
  readonly journal: RunJournal;
  readonly current: CurrentRun;
}

/** All of a run that is not undoing. */
export type Forward<Result> = (work: RunAtWork, signal: AbortSignal) => Promise<Result>;

/**
 * Waits for the job's turn, opens a run of it and goes forward. What fails is undone before the error is thrown; what could not be
 * undone is told as `E_LEFTOVERS`. All of it, undoing included, ends within the job's deadline.
 */
export async function openRun<Result>(
  ports: JobPorts,
  spec: JobSpec,
  context: JobContext,
  signal: AbortSignal,
  forward: Forward<Result>,
  join: Join<Result> = refuseToJoin,
): Promise<Result> {
  const time = runTimeFromNow(ports.clock, spec);
  const current: CurrentRun = {};
  const heartbeat = { everyMs: spec.limits.heartbeatMs, mayTell: () => current.run?.inFreezeWindow !== true };
  return withHeartbeat(ports, heartbeat, async (beating, doing) => {
    // How the run ended is told by the run itself: what it left behind matters more than that its time was over.
    const end = await withinLimit(
      ports.clock,
      forwardLimit(ports.clock, spec, time),
      signal,
      async (limit): Promise<RunEnd<Result>> => {
        try {
          const request = { ports: beating, spec, context, time, doing, signal: limit };
          return { result: await asMember(request, (asked) => inTurn(asked, current, forward, join)) };
        } catch (error) {
          return { error };
        }
      },
    );
    if ('error' in end) throw end.error;
    return end.result;
  });
}

type RunEnd<Result> = { readonly result: Result } | { readonly error: unknown };

/** What becomes of a call for which another one made the run. */
export type Join<Result> = (run: JoinedRun) => Result;

const refuseToJoin = (): never => {
  throw new TypeError('only pre hooks join runs');
};

async function inTurn<Result>(
  request: TurnRequest,
  current: CurrentRun,
  forward: Forward<Result>,
  join: Join<Result>,
): Promise<Result> {
  const { lock, signal, joined } = await takeTurn(request);
  try {
    if (joined) return join(joined);
    return await goForwardOrUnwind({ ...request, signal }, current, lock, forward);
  } finally {
    await lock.release();
  }
}

async function goForwardOrUnwind<Result>(
  { ports, spec, context, time, signal }: TurnRequest,
  current: CurrentRun,
  lock: Lock,
  forward: Forward<Result>,
): Promise<Result> {
  const id = newRunId(ports.clock.now(), ports.randomText());
  const file = whileHeld(await ports.journals.create({ runId: id, job: spec.name }), lock);
  const journal = await RunJournal.load(file, ports.clock);
  const work: RunAtWork = { ports, spec, context, time, id, journal, current };
  try {
    await journal.opened(context);
    return await forward(work, signal);
  } catch (error) {
    // Whoever took the lock over recovers the run; two that undo it at once would undo each other's work. Only what nobody else
    // has is ended here: sessions that would keep guests quiet and this process alive.
    if (lock.lost.aborted) {
      if (current.run) await closeOpenGuests(current.run);
      throw lock.lost.reason;
    }
    throw await unwind(work, signal.aborted ? signal.reason : error);
  }
}

/**
 * Undoes the run and returns the error to throw: the cause, or what is left behind. It listens to no signal; only the deadline
 * ends it.
 */
async function unwind(
  { ports, spec, time, id, journal, current: { run } }: RunAtWork,
  cause: unknown,
): Promise<unknown> {
  const errors: unknown[] = [];
  const { steps } = journal.state;
  // Before anything is undone: what was undone looks as if it had never been.
  const hasActed = captureResultOf(journal.state) !== undefined || steps.restore.at !== 'untouched';
  try {
    await journal.failed(undefined, cause);
  } catch (error) {
    errors.push(error);
  }
  if (run) {
    const limit = undoLimit(ports.clock, spec, time);
    errors.push(...(await withinLimit(ports.clock, limit, undefined, (signal) => undoSteps(run, { signal }))));
  }
  if (errors.length > 0) return leftoversError(id, errors, cause);
  try {
    await closeRun(ports, journal, id, endOf(journal.state, run && hasActed ? 'failed' : 'nothing-done'));
  } catch (error) {
    return leftoversError(id, [error], cause);
  }
  return cause;
}
