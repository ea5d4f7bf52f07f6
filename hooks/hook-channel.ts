import { mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Integration } from '../integrations/contract.ts';
import { stderrReporter } from '../src/cli/console.ts';
import { createTextReporter, oneLine } from '../src/platform/text-reporter.ts';
import type { Reporter } from '../src/ports/reporter.ts';

/** Where a hook says what happens, and why it failed. */
export interface HookChannel {
  readonly reporter: Reporter;
  tellError(text: string): void;
}

export const stderrChannel: HookChannel = {
  reporter: stderrReporter,
  tellError: (text) => void process.stderr.write(text),
};

/**
 * As much goes to stderr as the product bears; all of it goes to the log file, if there is one. A log that cannot be written is told
 * where that can be told, and ends no backup.
 */
export function openHookChannel(
  { name, stderr }: Pick<Integration, 'name' | 'stderr'>,
  logFile: string | undefined,
): HookChannel {
  if (stderr === 'log' && logFile === undefined) return stderrChannel;
  const toFile = appendTo(
    logFile ?? defaultLogFile(name),
    stderr === 'silent' ? () => undefined : stderrChannel.tellError,
  );
  const fileReporter = createTextReporter(toFile, () => new Date());
  return {
    reporter: stderr === 'log' ? both(stderrReporter, fileReporter) : fileReporter,
    tellError(text) {
      toFile(`${new Date().toISOString()} error ${oneLine(text.trimEnd())}\n`);
      if (stderr !== 'silent') stderrChannel.tellError(text);
    },
  };
}

function defaultLogFile(integration: string): string {
  const directory =
    process.platform === 'win32'
      ? path.join(process.env.ProgramData ?? 'C:\\ProgramData', 'snaphook', 'log')
      : '/var/log/snaphook';
  return path.join(directory, `${integration}.log`);
}

/** Appends, whoever else does: each line is one write. Nobody gets more rights than the mode says, and less where the caller's umask takes them. */
function appendTo(file: string, complain: (text: string) => void): (line: string) => void {
  let descriptor: number | undefined;
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o750 });
    descriptor = openSync(file, 'a', 0o640);
  } catch (error) {
    complain(`snaphook: the log "${oneLine(file)}" cannot be written: ${oneLine(String(error))}\n`);
  }
  return (line) => {
    if (descriptor === undefined) return;
    try {
      writeSync(descriptor, line);
    } catch {
      descriptor = undefined; // a full disk must not end a backup
    }
  };
}

const both = (one: Reporter, other: Reporter): Reporter => ({
  info(message, fields) {
    one.info(message, fields);
    other.info(message, fields);
  },
  warn(message, fields) {
    one.warn(message, fields);
    other.warn(message, fields);
  },
  progress(message, fields) {
    one.progress(message, fields);
    other.progress(message, fields);
  },
});
