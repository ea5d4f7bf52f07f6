import { isKill } from './fault-kinds.ts';
import { type FaultSite, openFaultSite } from './fault-site.ts';
import { runKilledCase } from './killed-case.ts';
import { faultsOf } from './meaning.ts';
import { type CaseResult, type FaultCase, RECOVERIES, runCase } from './run-case.ts';
import type { Area, RunStep } from './run-step.ts';
import { recordSteps } from './steps.ts';

/** Every step with every fault that has a meaning for it; the ways to recover take turns, so that each step meets all of them. */
export function allCases(steps: readonly RunStep[]): readonly FaultCase[] {
  return steps.flatMap((step, stepIndex) =>
    faultsOf(step).map((fault, faultIndex) => {
      const recovery = RECOVERIES[(stepIndex + faultIndex) % RECOVERIES.length] ?? 'post';
      return { step, fault, recovery };
    }),
  );
}

export interface MatrixOptions {
  readonly area: Area;
  readonly choose: (fault: FaultCase, index: number) => boolean;
  /** Sites at work at the same time in this process: most cases wait for most of their time. */
  readonly sites: number;
  /** Of the runs that meet a fault; default 8 s. */
  readonly deadlineMs?: number;
  readonly onResult?: (result: CaseResult) => void;
}

/**
 * Runs the chosen cases. A site is used for many of them: each ends with the proof that nothing of it is left, and a site on
 * which a promise was broken is not used again.
 */
export async function runMatrix(options: MatrixOptions): Promise<readonly CaseResult[]> {
  const { area, choose, sites, deadlineMs, onResult } = options;
  const open = () => openFaultSite(area, deadlineMs);
  const first = await open();
  const steps = await recordSteps(first, area).catch(async (error: unknown) => {
    await first.close();
    throw error;
  });
  const waiting = allCases(steps).filter(choose);
  const results: CaseResult[] = [];
  const work = async (opened: FaultSite): Promise<void> => {
    let site = opened;
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const result = await (isKill(next.fault) ? runKilledCase(site, next) : runCase(site, next));
        results.push(result);
        onResult?.(result);
        if (result.problems.length === 0) continue;
        await site.close();
        site = await open();
      }
    } finally {
      await site.close();
    }
  };
  // All are open before the first case: to open them is hard work, and the limits of a case are short.
  const more = Math.max(0, Math.min(sites, waiting.length) - 1);
  const others = await Promise.all(Array.from({ length: more }, open));
  await Promise.all([first, ...others].map(work));
  return results;
}

/** The kill loops of `npm run test:crash` kill a job of a Windows guest at every call; here every third of these cases is enough. */
const KILL_SAMPLE = 3;

/** One of several equal parts of an area. */
export const inShard =
  (area: Area, shard: number, shards: number) =>
  ({ fault }: FaultCase, index: number): boolean =>
    index % shards === shard &&
    (area !== 'windows job' || !isKill(fault) || Math.floor(index / shards) % KILL_SAMPLE === 0);
