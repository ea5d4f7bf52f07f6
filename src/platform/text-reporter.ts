import type { Reporter, ReportFields } from '../ports/reporter.ts';

const PROGRESS_EVERY_MS = 10_000;

/**
 * Events as lines on stderr: `time message key=value …`. Control characters from names that came from outside are escaped.
 * Progress is a heartbeat line at most every ten seconds.
 */
export function createTextReporter(write: (line: string) => void, now: () => Date): Reporter {
  let lastProgressMs = 0;
  const line = (level: string, message: string, fields: ReportFields = {}) => {
    const pairs = Object.entries(fields).flatMap(([key, value]) =>
      value === undefined ? [] : [` ${key}=${fieldText(value)}`],
    );
    write(`${now().toISOString()} ${level} ${oneLine(message)}${pairs.join('')}\n`);
  };
  return {
    info: (message, fields) => line('info', message, fields),
    warn: (message, fields) => line('warn', message, fields),
    progress(message, fields) {
      const atMs = now().getTime();
      if (atMs - lastProgressMs < PROGRESS_EVERY_MS) return;
      lastProgressMs = atMs;
      line('info', message, fields);
    },
  };
}

function fieldText(value: string | number | boolean): string {
  const text = oneLine(String(value));
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}

/** Printable text on one line: a VM name must not be able to forge log lines or drive a terminal. */
export function oneLine(text: string): string {
  let printable = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    printable += isControl ? `\\x${code.toString(16).padStart(2, '0')}` : character;
  }
  return printable;
}
