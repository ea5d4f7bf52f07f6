/** One goal, and whether the figures of this run reached it. */
export interface Goal {
  readonly name: string;
  readonly limit: string;
  readonly measured: string;
  readonly met: boolean;
}

/** What a benchmark found: rows of figures, how they compare with the naive baseline, and the goals. */
export interface BenchResult {
  readonly bench: 'preflight' | 'window' | 'group' | 'strategies' | 'calls' | 'export' | 'bands' | 'startup';
  readonly conditions: Readonly<Record<string, string | number>>;
  readonly rows: readonly Readonly<Record<string, string | number | boolean>>[];
  readonly goals: readonly Goal[];
  readonly notes: readonly string[];
}

export function textOf(result: BenchResult): string {
  const conditions = Object.entries(result.conditions).map(([name, value]) => `${name} ${value}`);
  const goals = result.goals.map(
    ({ name, limit, measured, met }) => `${met ? 'met   ' : 'MISSED'}  ${name}: ${measured} (goal ${limit})`,
  );
  return [
    `${result.bench}: ${conditions.join(', ')}`,
    '',
    table(result.rows),
    ...goals,
    ...(result.notes.length > 0 ? ['', ...result.notes] : []),
    '',
  ].join('\n');
}

function table(rows: BenchResult['rows']): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padStart(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
