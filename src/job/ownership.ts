import type { ArrayId, RunId } from '../ports/identity.ts';
import type { Installation } from './installation.ts';
import { DEFAULT_LIMITS } from './job-spec.ts';
import { type OwnName, parseSnapshotName, startOfRun } from './names.ts';

/** How far the clocks of the array and of the machine that ran the hook may be apart. */
const CLOCK_SKEW_MS = 10 * 60_000;

/**
 * First proof without a journal: a name of our form whose mark only this installation would have made, for one of these
 * arrays. Returns the run, or why the name proves nothing.
 */
export function runByMark(installation: Installation, name: string, arrays: readonly ArrayId[]): OwnRun | NotOurs {
  const own: OwnName | undefined = parseSnapshotName(name);
  if (!own) return { because: 'the name is not of our form' };
  if (own.mark === undefined) return { because: 'no journal here, and the name bears no installation mark' };
  if (!arrays.some((array) => own.mark === installation.markOf(own.run, array))) {
    return { because: 'no journal here, and the mark in the name is not of this installation' };
  }
  return { run: own.run, kept: own.kept };
}

interface OwnRun {
  readonly run: RunId;
  /** The name says that it is kept. */
  readonly kept: boolean;
}

export interface NotOurs {
  readonly because: string;
}

/**
 * Second proof without a journal: whoever keeps the thing says that it was made while the run of that id was at work. Undefined:
 * it was; else why that is no proof.
 */
export function whyNotOfItsTime(
  installation: Installation,
  run: RunId,
  madeAtMs: number | undefined,
  keeper: 'array' | 'vCenter' | 'file system',
): string | undefined {
  if (madeAtMs === undefined) return `the ${keeper} does not tell when it was made`;
  const startMs = startOfRun(run).getTime();
  const deadlines = installation.jobs.map(({ limits }) => limits.deadlineMs);
  const isOfItsTime =
    madeAtMs >= startMs - CLOCK_SKEW_MS &&
    madeAtMs <= startMs + Math.max(DEFAULT_LIMITS.deadlineMs, ...deadlines) + CLOCK_SKEW_MS;
  if (isOfItsTime) return undefined;
  return `the ${keeper} made it at ${isoTime(madeAtMs)}, but a run of that id began at ${isoTime(startMs)}`;
}

/** A run without a journal here may be at work elsewhere, with the same configuration. One that began in the future began now: clocks jump. */
export function isYoung(run: RunId, now: Date, olderThanMs: number): boolean {
  return Math.max(0, now.getTime() - startOfRun(run).getTime()) < olderThanMs;
}

const isoTime = (ms: number): string => new Date(ms).toISOString();
