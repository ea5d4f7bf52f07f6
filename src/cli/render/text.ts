import { oneLine } from '../../platform/text-reporter.ts';
import { toErrorRecord } from '../../ports/errors.ts';

export function errorText(error: unknown): string {
  const { code, message, hint } = toErrorRecord(error);
  return `snaphook: ${oneLine(message)} [${code}]\n${hint === undefined ? '' : `  ${oneLine(hint)}\n`}`;
}

/** A line of its own, whatever stands in the names from outside. */
export const lineOf = (text: string): string => `${oneLine(text)}\n`;

/** Left-aligned columns, as wide as their content; names from outside are printed on one line. */
export function table(rows: readonly (readonly string[])[]): string {
  const printable = rows.map((row) => row.map(oneLine));
  const columns = Math.max(0, ...printable.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, index) =>
    Math.max(...printable.map((row) => row[index]?.length ?? 0)),
  );
  return printable
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[power]}`;
}

export const millisecondsText = (durationMs: number): string =>
  `${durationMs < 10 ? durationMs.toFixed(1) : Math.round(durationMs)} ms`;
