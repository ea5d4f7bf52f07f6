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
  readonly choose: (cases: readonly FaultCase[]) => readonly FaultCase[];
  /** Sites at work at the same time in this process: most cases wait for most of their time. */
  readonly sites: number;
  /** Of the runs that meet a fault; default 12 s. */
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
  const waiting = [...choose(allCases(steps))];
  const results: CaseResult[] = [];
  const work = async (opened: FaultSite): Promise<void> => {
    let site = opened;
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const running = isKill(next.fault) ? runKilledCase(site, next) : runCase(site, next);
        // The others go on all the same, and the name of this one is told.
        const result = await running.catch((error: unknown) => notRun(next, error));
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

/** A case that did not come to its end: what goes before its fault failed, or the harness itself. */
const notRun = ({ step, fault, recovery }: FaultCase, error: unknown): CaseResult => ({
  ...step,
  fault,
  recovery,
  outcome: 'not met',
  exitCode: undefined,
  code: undefined,
  overGraded: false,
  frozenBeyondLeaseMs: 0,
  leftovers: [],
  foreignTouched: false,
  establishes: 0,
  problems: [`the case did not come to its end: ${error instanceof Error ? error.stack : String(error)}`],
  tookMs: 0,
});

/** Of the kills of a Windows job and on the proxy one in so many runs by default: each starts a process, and there is one for every call and write. */
const KILL_SAMPLE = 6;

/** Of all faults of these areas one in so many by default; most of them only do one thing in another way. */
const SAMPLES: Readonly<Partial<Record<Area, number>>> = {
  'windows job': 2,
  'storage groups': 12,
  'managed route': 16,
  'full backup': 24,
  'shadow copies': 40,
  'VMware Tools': 32,
  'guest operations': 24,
  'plug-in': 24,
};

/** Hook, system and fault: the parts of an area and the samples have cases of each. */
export const groupOfCase = ({ step: { hook, system }, fault }: FaultCase): string => `${hook} ${system}, ${fault}`;

interface Part {
  readonly area: Area;
  readonly shard: number;
  readonly shards: number;
  /** Which cases are in the sample; undefined: all of them. */
  readonly seed: number | undefined;
}

/** One of several equal parts of an area. */
export function partOf(cases: readonly FaultCase[], { area, shard, shards, seed }: Part): readonly FaultCase[] {
  const groups = new Map<string, FaultCase[]>();
  for (const one of cases) groups.set(groupOfCase(one), [...(groups.get(groupOfCase(one)) ?? []), one]);
  return [...groups.values()].flatMap((group, groupIndex) => {
    // Groups too small to be divided are in every part: each part is complete by itself.
    const part = group.length < shards ? group : group.filter((_, index) => index % shards === shard);
    const ofKills = part.some(({ step, fault }) => isKill(fault) && step.system !== 'ssh') ? KILL_SAMPLE : 1;
    const every = seed === undefined ? 1 : Math.min(Math.max(SAMPLES[area] ?? 1, ofKills), part.length);
    // Not the same steps for each fault.
    return part.filter((_, index) => (index + groupIndex + (seed ?? 0)) % every === 0);
  });
}
