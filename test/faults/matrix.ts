import { CALL_FAULTS, DISK_FAULTS, type FaultName, isKill, KILLS } from './fault-kinds.ts';
import { type FaultSite, openFaultSite } from './fault-site.ts';
import { runKilledCase } from './killed-case.ts';
import { type CaseResult, type FaultCase, RECOVERIES, runCase } from './run-case.ts';
import { type RunStep, recordSteps } from './steps.ts';

/** Every step with every fault that can meet it; the ways to recover take turns, so that each step meets all of them. */
export function allCases(steps: readonly RunStep[]): readonly FaultCase[] {
  return steps.flatMap((step, stepIndex) =>
    faultsOf(step).map((fault, faultIndex) => {
      const recovery = RECOVERIES[(stepIndex + faultIndex) % RECOVERIES.length] ?? 'post';
      return { step, fault, recovery };
    }),
  );
}

const faultsOf = ({ system }: RunStep): readonly FaultName[] =>
  system === 'disk' ? DISK_FAULTS : [...CALL_FAULTS.map(({ name }) => name), ...KILLS];

export interface MatrixOptions {
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
  const { choose, sites, deadlineMs, onResult } = options;
  const first = await openFaultSite(deadlineMs);
  const steps = await recordSteps(first).catch(async (error: unknown) => {
    await first.close();
    throw error;
  });
  const waiting = allCases(steps).filter(choose);
  const results: CaseResult[] = [];
  const work = async (opened: FaultSite | undefined): Promise<void> => {
    let site = opened ?? (await openFaultSite(deadlineMs));
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const result = await (isKill(next.fault) ? runKilledCase(site, next) : runCase(site, next));
        results.push(result);
        onResult?.(result);
        if (result.problems.length === 0) continue;
        await site.close();
        site = await openFaultSite(deadlineMs);
      }
    } finally {
      await site.close();
    }
  };
  await Promise.all(Array.from({ length: sites }, (_, index) => work(index === 0 ? first : undefined)));
  return results;
}

/** The kill loops of `npm run test:crash` kill at every call; here every third of these cases is enough. */
export const KILL_SAMPLE = 3;

/** One of several equal parts of the matrix. */
export const inShard =
  (shard: number, shards: number) =>
  ({ fault }: FaultCase, index: number): boolean =>
    index % shards === shard && (!isKill(fault) || Math.floor(index / shards) % KILL_SAMPLE === 0);
