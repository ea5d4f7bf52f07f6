import { allFaults, type FaultName } from './fault-kinds.ts';
import { hasMeaning } from './meaning.ts';
import { type CaseResult, nameOfCase, type Outcome } from './run-case.ts';
import { groupOf, type RunStep } from './run-step.ts';

/** How often the calls of one operation met one fault with each outcome. */
interface MatrixCell {
  /** Hook, system and operation. */
  readonly step: string;
  readonly fault: FaultName;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly problems: number;
}

export interface MatrixSummary {
  readonly cases: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly worstFrozenBeyondLeaseMs: number;
  readonly cells: readonly MatrixCell[];
  /** One step of each row of the table. */
  readonly rows: readonly RunStep[];
  /** Cases that broke a promise, with the words that `--only` takes. */
  readonly problems: readonly { readonly fault: string; readonly problems: readonly string[] }[];
}

export function summarise(results: readonly CaseResult[]): MatrixSummary {
  const cells = new Map<string, CaseResult[]>();
  for (const result of results) {
    const key = `${groupOf(result)}, ${result.fault}`;
    cells.set(key, [...(cells.get(key) ?? []), result]);
  }
  return {
    cases: results.length,
    outcomes: countOutcomes(results),
    worstFrozenBeyondLeaseMs: Math.max(0, ...results.map(({ frozenBeyondLeaseMs }) => frozenBeyondLeaseMs)),
    cells: [...cells.values()].flatMap((ofCell) => {
      const [first] = ofCell;
      if (!first) return [];
      const problems = ofCell.filter((result) => result.problems.length > 0).length;
      return [{ step: groupOf(first), fault: first.fault, outcomes: countOutcomes(ofCell), problems }];
    }),
    rows: [...new Map(results.map((result) => [groupOf(result), stepOf(result)])).values()],
    problems: results
      .filter(({ problems }) => problems.length > 0)
      .map((result) => ({ fault: nameOfCase({ ...result, step: result }), problems: result.problems })),
  };
}

const stepOf = ({ hook, system, operation, nth, given }: CaseResult): RunStep => ({
  hook,
  system,
  operation,
  nth,
  ...(given === undefined ? {} : { given }),
});

function countOutcomes(results: readonly CaseResult[]): Partial<Record<Outcome, number>> {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

const LETTERS: Readonly<Record<Outcome, string>> = {
  ready: 'R',
  'failed, nothing left': 'F',
  'left, and told': 'L',
  killed: 'K',
  'not met': '-',
};

/** One row an operation, one column a fault; a cell has the outcomes of its calls, such as `2R 1F`, and `!` for a broken promise. */
export function tableOf(summary: MatrixSummary): string {
  const columns = allFaults().filter((fault) => summary.cells.some((cell) => cell.fault === fault));
  const rows = summary.rows.map((row) => {
    const step = groupOf(row);
    const cells = columns.map((fault) => {
      const cell = summary.cells.find((one) => one.step === step && one.fault === fault);
      return hasMeaning(row, fault) ? cellText(cell) : 'n/a';
    });
    return [step, ...cells];
  });
  const numbered = columns.map((_, index) => String(index + 1));
  return [
    ...columns.map((fault, index) => `${index + 1}: ${fault}`),
    'R ready, F failed and nothing left, L left and told, K killed and recovered, - not met, n/a no meaning there, ! promise broken',
    ...aligned([['', ...numbered], ...rows]),
    `${summary.cases} cases; ${outcomeText(summary)}; longest freeze beyond the lease ${Math.round(summary.worstFrozenBeyondLeaseMs)} ms`,
    ...summary.problems.map(({ fault, problems }) => `BROKEN ${fault}: ${problems.join('; ')}`),
    '',
  ].join('\n');
}

function cellText(cell: MatrixCell | undefined): string {
  if (!cell) return '';
  const counts = Object.entries(LETTERS).flatMap(([outcome, letter]) => {
    const count = cell.outcomes[outcome as Outcome]; // the keys of LETTERS are the outcomes
    return count === undefined ? [] : [`${count}${letter}`];
  });
  return counts.join(' ') + (cell.problems > 0 ? '!' : '');
}

const outcomeText = ({ outcomes }: MatrixSummary): string =>
  Object.entries(outcomes)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ');

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
