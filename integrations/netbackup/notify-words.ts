import { SnaphookError } from '../../src/ports/errors.ts';
import type { BackupOutcome } from '../contract.ts';
import { entryOf } from '../entry-of.ts';

const LEVELS: Readonly<Record<string, string>> = { FULL: 'full', INCR: 'incremental', CINC: 'differential' };

export const levelOf = (type: string | undefined): string | undefined =>
  type ? (entryOf(LEVELS, type) ?? type) : undefined;

/** NetBackup's status: 1 is a backup that lacks files, 150 one that an administrator ended. */
export function outcomeOf(status: string | undefined): BackupOutcome {
  if (!status || !/^\d{1,5}$/.test(status)) return 'unknown';
  const outcomes: Readonly<Record<string, BackupOutcome>> = { '0': 'ok', '1': 'warning', '150': 'cancelled' };
  return outcomes[String(Number(status))] ?? 'failed';
}

/** Of the client's own part: that it has sent everything does not say that the server has stored it. */
export function outcomeOfClient(status: string | undefined): BackupOutcome {
  const outcome = outcomeOf(status);
  return outcome === 'ok' ? 'unknown' : outcome;
}

/** As NetBackup allows it in names, and so in those of its files. Errors: `E_USAGE`. */
export function nameOfPolicy(what: 'policy' | 'schedule', name = ''): string {
  if (/^[A-Za-z0-9_+][A-Za-z0-9_+.-]*$/.test(name)) return name;
  throw new SnaphookError('E_USAGE', `${what} "${name}" is no name that NetBackup takes`, {
    hint: `Give --set ${what}=NAME, as it is called in NetBackup: letters, digits, "_", "+", "." and "-".`,
  });
}
