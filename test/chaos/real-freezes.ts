import {
  ALLOWED_OVERRUN_MS,
  type FreezeResults,
  hashOfHelper,
  LEAST_CYCLES,
  readFreezeResults,
} from '../freeze/freeze-results.ts';

/** What the suite that freezes real file systems measured, and what of it breaks a promise. */
export interface RealFreezes {
  readonly cycles: number;
  readonly worstOverrunMs: number;
  readonly problems: readonly string[];
}

/** Written by `npm run test:freeze`. Undefined: it has not run here to its end with the helper of these sources. */
export const readRealFreezes = (root: string): RealFreezes | undefined =>
  judgeRealFreezes(readFreezeResults(root), hashOfHelper(root));

export function judgeRealFreezes(results: FreezeResults | undefined, helper: string): RealFreezes | undefined {
  if (!results || results.helper !== helper) return undefined;
  const { realFreezeCycles: cycles, worstOverrunMs, frozenAtEnd, complete } = results;
  const problems = [
    ...(frozenAtEnd > 0 ? [`${frozenAtEnd} real file systems were frozen at the end`] : []),
    ...(worstOverrunMs > ALLOWED_OVERRUN_MS ? [`a real freeze lasted ${worstOverrunMs} ms beyond its lease`] : []),
  ];
  if (!complete && problems.length === 0) return undefined;
  const few = complete && cycles < LEAST_CYCLES ? [`${cycles} real freezes are less than ${LEAST_CYCLES}`] : [];
  return { cycles, worstOverrunMs, problems: [...problems, ...few] };
}
