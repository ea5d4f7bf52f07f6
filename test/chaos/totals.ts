import type { HistoryCounts } from './grade-histories.ts';
import type { BrokenPromise } from './invariants.ts';
import type { ScheduleResult } from './schedule.ts';

/** Sums over schedules; plain data, so that threads can send it. */
export interface Totals {
  seeds: number;
  /** Calls the hooks made to ports. */
  steps: number;
  faults: number;
  worstOverrunMs: number;
  /** Ended by their record alone. */
  unguardedFreezes: number;
  /** How hooks ended: `pre ok`, `post E_NO_RUN`, … */
  outcomes: Record<string, number>;
  /** How hooks ended that met a fault at a step: step, fault, outcome. */
  met: Record<string, Record<string, Record<string, number>>>;
  broken: Partial<Record<BrokenPromise, number>>;
  /** The first broken promises, with their seeds. */
  failures: { readonly seed: number; readonly what: string }[];
  histories: number;
  overGradedHistories: number;
  lowerThanTruth: number;
}

const FAILURE_COUNT = 20;

export function emptyTotals(): Totals {
  return {
    seeds: 0,
    steps: 0,
    faults: 0,
    worstOverrunMs: 0,
    unguardedFreezes: 0,
    outcomes: {},
    met: {},
    broken: {},
    failures: [],
    histories: 0,
    overGradedHistories: 0,
    lowerThanTruth: 0,
  };
}

export function addSchedule(totals: Totals, result: ScheduleResult): void {
  totals.seeds += 1;
  totals.steps += result.steps;
  totals.unguardedFreezes += result.unguardedFreezes;
  totals.worstOverrunMs = Math.max(totals.worstOverrunMs, result.worstOverrunMs);
  for (const { hook, outcome, faults } of result.hooks) {
    totals.faults += faults.length;
    count(totals.outcomes, `${hook} ${outcome}`, 1);
    for (const met of new Set(faults)) {
      const [step = '', fault = ''] = met.split(' ');
      countMet(totals, step, fault, outcome, 1);
    }
  }
  for (const { promise, what } of result.violations) {
    totals.broken[promise] = (totals.broken[promise] ?? 0) + 1;
    addFailure(totals, result.seed, `${promise}: ${what}`);
  }
}

export function addHistories(totals: Totals, counts: HistoryCounts): void {
  totals.histories += counts.histories;
  totals.overGradedHistories += counts.overGraded;
  totals.lowerThanTruth += counts.lowerThanTruth;
}

export function addFailure(totals: Totals, seed: number, what: string): void {
  if (totals.failures.length < FAILURE_COUNT) totals.failures.push({ seed, what });
}

export function merge(into: Totals, from: Totals): void {
  for (const key of [
    'seeds',
    'steps',
    'faults',
    'unguardedFreezes',
    'histories',
    'overGradedHistories',
    'lowerThanTruth',
  ] as const)
    into[key] += from[key];
  into.worstOverrunMs = Math.max(into.worstOverrunMs, from.worstOverrunMs);
  for (const [outcome, number] of Object.entries(from.outcomes)) count(into.outcomes, outcome, number);
  for (const [step, faults] of Object.entries(from.met))
    for (const [fault, outcomes] of Object.entries(faults))
      for (const [outcome, number] of Object.entries(outcomes)) countMet(into, step, fault, outcome, number);
  // The keys are those of the same type.
  for (const [promise, number] of Object.entries(from.broken) as [BrokenPromise, number][])
    into.broken[promise] = (into.broken[promise] ?? 0) + number;
  for (const { seed, what } of from.failures) addFailure(into, seed, what);
}

export const isWell = ({ broken, overGradedHistories, failures }: Totals): boolean =>
  Object.keys(broken).length === 0 && overGradedHistories === 0 && failures.length === 0;

function countMet({ met }: Totals, step: string, fault: string, outcome: string, number: number): void {
  met[step] ??= {};
  const ofStep = met[step];
  ofStep[fault] ??= {};
  count(ofStep[fault], outcome, number);
}

function count(counts: Record<string, number>, key: string, number: number): void {
  counts[key] = (counts[key] ?? 0) + number;
}
