import type { RealFreezes } from './real-freezes.ts';
import type { Totals } from './totals.ts';

const OTHER_PROMISES = ['content', 'establish', 'target', 'undocumented', 'hang', 'phase', 'deadline', 'thaw'] as const;

/** The figures of a run for programs. Promises that have no figure of their own are told among the outcomes. */
export function jsonOf(totals: Totals, real: RealFreezes | undefined): string {
  const { broken } = totals;
  const other = OTHER_PROMISES.flatMap((promise) =>
    broken[promise] === undefined ? [] : [[`broken: ${promise}`, broken[promise]]],
  );
  return JSON.stringify({
    ...figuresOf(totals, real),
    histories: totals.histories,
    historiesGradedLower: totals.lowerThanTruth,
    outcomes: { ...sorted(totals.outcomes), ...Object.fromEntries(other), ...brokenReal(real) },
  });
}

function brokenReal(real: RealFreezes | undefined): Readonly<Record<string, number>> {
  const count = real?.problems.length ?? 0;
  return count > 0 ? { 'broken: realFreezes': count } : {};
}

/** For people: what met what and how it ended, then the totals. */
export function textOf(totals: Totals, real: RealFreezes | undefined): string {
  const rows = Object.entries(totals.met)
    .sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([step, faults]) =>
      Object.entries(faults)
        .sort(([one], [other]) => one.localeCompare(other))
        .map(([fault, outcomes]) => [step, fault, endings(outcomes)]),
    );
  const outcomes = Object.entries(sorted(totals.outcomes)).map(([outcome, number]) => `${outcome} ${number}`);
  const notRun = 'not run with this helper: npm run test:freeze comes first';
  const figures: readonly (readonly [string, number | string | null])[] = [
    ...Object.entries(figuresOf(totals, real)),
    [
      'other broken promises',
      OTHER_PROMISES.reduce((sum, promise) => sum + (totals.broken[promise] ?? 0), real?.problems.length ?? 0),
    ],
    ['histories', totals.histories],
    ['histories graded lower than they are', totals.lowerThanTruth],
  ];
  return [
    ...table([['step', 'fault', 'how the hook ended'], ...rows]),
    '',
    `outcomes: ${outcomes.join(', ')}`,
    '',
    ...table(figures.map(([name, figure]) => [name, String(figure ?? notRun)])),
    '',
  ].join('\n');
}

/** What both outputs begin with. The worst overrun is that of virtual and real guests together, then of each. */
function figuresOf(totals: Totals, real: RealFreezes | undefined) {
  const { broken } = totals;
  const virtualWorstOverrunMs = Math.round(totals.worstOverrunMs);
  return {
    seeds: totals.seeds,
    steps: totals.steps,
    faults: totals.faults,
    frozenGuests: broken.frozen ?? 0,
    leftovers: broken.leftover ?? 0,
    foreignTouched: broken.foreign ?? 0,
    overGraded: (broken.overGraded ?? 0) + totals.overGradedHistories,
    unguardedFreezes: totals.unguardedFreezes,
    realFreezeCycles: real?.cycles ?? null,
    worstOverrunMs: Math.max(virtualWorstOverrunMs, real?.worstOverrunMs ?? 0),
    virtualWorstOverrunMs,
    realWorstOverrunMs: real?.worstOverrunMs ?? null,
  };
}

export function failuresOf({ failures }: Totals, real: RealFreezes | undefined): string {
  const ofSeeds = failures.map(({ seed, what }) => `FAILED  npm run chaos -- --seed ${seed}\n        ${what}\n`);
  const ofReal = (real?.problems ?? []).map((what) => `FAILED  npm run test:freeze\n        ${what}\n`);
  return [...ofSeeds, ...ofReal].join('');
}

const ENDINGS = 4;

function endings(outcomes: Readonly<Record<string, number>>): string {
  const all = Object.entries(sorted(outcomes));
  const told = all.slice(0, ENDINGS).map(([outcome, number]) => `${outcome} ${number}`);
  const rest = all.slice(ENDINGS).reduce((sum, [, number]) => sum + number, 0);
  return [...told, ...(rest > 0 ? [`others ${rest}`] : [])].join(', ');
}

/** Most frequent first. */
const sorted = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(counts).sort(([one, many], [other, more]) => more - many || one.localeCompare(other)),
  );

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, index) => Math.max(widest[index] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
