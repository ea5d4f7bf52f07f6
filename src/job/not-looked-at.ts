import { toErrorRecord } from '../ports/errors.ts';
import type { ReapedFinding } from './finding.ts';

/** What does not answer is told, and keeps nothing else from being looked at; an interruption does. */
export async function orNotLookedAt(
  what: string,
  signal: AbortSignal,
  look: () => Promise<readonly ReapedFinding[]>,
): Promise<readonly ReapedFinding[]> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    const because = 'it could not be asked; what of ours is there is not known';
    return [{ finding: { kind: 'not-looked-at', what }, did: 'kept', because, error: toErrorRecord(error).message }];
  }
}
