import type { Reporter, ReportFields } from '../ports/reporter.ts';
import { createTextReporter, oneLine } from './text-reporter.ts';

const REDRAW_EVERY_MS = 200;
/** Begin of the line, and erase to its end (ECMA-48). */
const ERASE = '\r\x1b[K';

/** `clear` takes the line of progress away, for what others print. */
export interface TerminalReporter extends Reporter {
  clear(): void;
}

/**
 * For people who watch: events as lines, as the text reporter has them, and below them one line of progress that is drawn anew in
 * place. `columns`: how wide the terminal is at that moment.
 */
export function createTerminalReporter(
  write: (text: string) => void,
  now: () => Date,
  columns: () => number,
): TerminalReporter {
  const lines = createTextReporter(write, now);
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  const clear = () => {
    if (isDrawn) write(ERASE);
    isDrawn = false;
  };
  return {
    clear,
    info(message, fields) {
      clear();
      lines.info(message, fields);
    },
    warn(message, fields) {
      clear();
      lines.warn(message, fields);
    },
    progress(message, fields = {}) {
      const atMs = now().getTime();
      if (atMs - drawnAtMs < REDRAW_EVERY_MS) return;
      drawnAtMs = atMs;
      isDrawn = true;
      // A line as wide as the terminal would wrap, and could not be erased.
      write(`${ERASE}${oneLine(progressText(message, fields)).slice(0, Math.max(0, columns() - 1))}`);
    },
  };
}

function progressText(message: string, { doneBytes, bytes, ...fields }: ReportFields): string {
  const what = Object.values(fields).filter((value) => value !== undefined);
  const share =
    typeof doneBytes === 'number' && typeof bytes === 'number' && bytes > 0
      ? `${Math.floor((doneBytes / bytes) * 100)} %`
      : undefined;
  const done = typeof doneBytes === 'number' ? `${Math.floor(doneBytes / 2 ** 20)} MiB` : undefined;
  return [message, ...what, share, done].filter((part) => part !== undefined).join(' ');
}
