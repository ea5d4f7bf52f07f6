import type { Clock } from '../ports/clock.ts';
import type { Limit } from './deadline.ts';
import type { JobLimits, JobSpec } from './job-spec.ts';

/** When the parts of one hook have to be over, on the monotonic clock. */
export interface RunTime {
  /** From here on nothing new is begun, and what was done is undone. */
  readonly forwardEndsAtMs: number;
  /** From here on nothing is undone either: what is left stays in the journal for the next hook. */
  readonly endsAtMs: number;
}

/** A few calls of the array: unlink, terminate, and the looks between them. */
const UNDO_CALLS_MS = 15_000;
/** Of the time that is left. */
const LOCAL_UNDO_SHARE = 0.25;
/** Who comes late all the same, after a thaw that took long, still gets this share of the time that was kept for undoing. */
const LEAST_UNDO_SHARE = 0.2;

/**
 * What undoing may need at the worst moment: the thaw of a guest that does not answer, or as long for a target to be defined;
 * the time an unanswered request may still take effect; the calls. Never more than half of the deadline.
 */
export function undoReserveMs({ deadlineMs, thawMs, settleMs }: JobLimits): number {
  return Math.min(thawMs + settleMs + UNDO_CALLS_MS, deadlineMs / 2);
}

export function runTimeFromNow(clock: Clock, { limits }: JobSpec): RunTime {
  const endsAtMs = clock.monotonicMs() + limits.deadlineMs;
  return { forwardEndsAtMs: endsAtMs - undoReserveMs(limits), endsAtMs };
}

/** For going forward: planning, capturing, handing over. */
export function forwardLimit(clock: Clock, spec: JobSpec, { forwardEndsAtMs }: RunTime): Limit {
  const { deadlineMs } = spec.limits;
  const reserveMs = Math.round(undoReserveMs(spec.limits));
  return {
    durationMs: forwardEndsAtMs - clock.monotonicMs(),
    code: 'E_DEADLINE',
    message: `job "${spec.name}" was not ready within its deadline of ${deadlineMs} ms, of which ${reserveMs} ms are for undoing`,
    hint: "Raise the backup product's limit for the hook and `limits.deadlineSeconds` of the job together.",
  };
}

/** For undoing what this hook did. */
export function undoLimit(clock: Clock, spec: JobSpec, { endsAtMs }: RunTime): Limit {
  return {
    durationMs: Math.max(LEAST_UNDO_SHARE * undoReserveMs(spec.limits), endsAtMs - clock.monotonicMs()),
    code: 'E_DEADLINE',
    message: `the deadline of job "${spec.name}" came before it was undone`,
    hint: 'The next hook of the job, or `snaphook reap --apply`, goes on with it.',
  };
}

/**
 * How long an unlink may wait for its targets to be defined, so that forcing it and terminating the snapshot still fit before the
 * run has to end. Not above 0: force at once.
 */
export function defineWaitMs(clock: Clock, { unlinkMs }: JobLimits, endsAtMs: number | undefined): number {
  return endsAtMs === undefined ? unlinkMs : Math.min(unlinkMs, endsAtMs - clock.monotonicMs() - UNDO_CALLS_MS);
}

/**
 * How long an undo on this machine may take: a device or directory that does not answer must leave most of the time to unlink and
 * terminate on the array.
 */
export function localUndoMs(clock: Clock, { undoMs }: JobLimits, endsAtMs: number | undefined): number {
  return endsAtMs === undefined ? undoMs : Math.min(undoMs, LOCAL_UNDO_SHARE * (endsAtMs - clock.monotonicMs()));
}
