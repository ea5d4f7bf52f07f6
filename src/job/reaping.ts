import { SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { Judged, ReapedFinding } from './finding.ts';

export interface ReapRequest {
  /** False: look only. Nothing is changed then, not even a lock is taken. */
  readonly apply: boolean;
  /** Also end runs that were handed over and never saw their post hook. */
  readonly includeWaiting: boolean;
  /** What has no journal here is removed only if its run began longer ago: younger ones may be at work elsewhere. */
  readonly olderThanMs: number;
}

/** Tells it, and removes it where that is asked for and allowed. */
export async function reapJudged(
  { apply }: ReapRequest,
  { finding, because, remove }: Judged,
  signal: AbortSignal,
): Promise<ReapedFinding> {
  const found: ReapedFinding = { finding, because, did: remove ? 'found' : 'kept' };
  return apply && remove ? attempt(found, () => remove(signal)) : found;
}

/** Whose the thing is, its journal knows; what of it is left, only the array. */
export const ARRAY_IS_GONE = 'its run used an array that is not configured any more';

/** A missing or damaged journal, or one of an array that is not configured any more, is an answer here. */
export async function readable<Result>(load: () => Promise<Result>): Promise<Result | SnaphookError> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof SnaphookError && (error.code === 'E_JOURNAL' || error.code === 'E_CONFIG')) return error;
    throw error;
  }
}

export async function attempt(found: ReapedFinding, work: () => Promise<void>): Promise<ReapedFinding> {
  try {
    await work();
    return { ...found, did: 'removed' };
  } catch (error) {
    return { ...found, did: 'failed', error: toErrorRecord(error).message };
  }
}
