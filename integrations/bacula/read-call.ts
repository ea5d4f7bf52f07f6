import { SnaphookError } from '../../src/ports/errors.ts';
import type { BackupOutcome, ProductCall, RawCall } from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { requirePhase } from '../typed-command.ts';

const KEYS = ['jobid', 'name', 'level', 'client', 'director', 'status', 'accurate'] as const;
type Key = (typeof KEYS)[number];

const LEVELS: Readonly<Record<string, string>> = {
  Full: 'full',
  Base: 'full',
  Incremental: 'incremental',
  Differential: 'differential',
};

/** `Created`, and `Unknown term code` of hooks before the backup, say nothing. */
const OUTCOMES: Readonly<Record<string, BackupOutcome>> = {
  OK: 'ok',
  'OK -- with warnings': 'warning',
  Error: 'failed',
  'Fatal Error': 'failed',
  Canceled: 'cancelled',
};

/** The `--key=%code` words of a RunScript. Errors: `E_USAGE`. */
export function readCall(call: RawCall): ProductCall {
  const phase = requirePhase(call);
  const told = toldBy(call.words);
  const level = told.get('level');
  const instance = [told.get('director'), told.get('client')].filter((name) => name !== undefined).join('/');
  const accurate = readAccurate(told.get('accurate'));
  return {
    phase,
    job: told.get('name'),
    instance: instance || undefined,
    runId: told.get('jobid'),
    level: level === undefined ? undefined : (entryOf(LEVELS, level) ?? level),
    ...(phase === 'post' && { outcome: entryOf(OUTCOMES, told.get('status')) ?? 'unknown' }),
    ...(accurate !== undefined && { incrementals: accurate ? 'by-comparison' : 'by-time' }),
  };
}

/**
 * A code of several words that was not quoted leaves words of its own behind. They are passed over, but those of the status: `OK` and the
 * first word of `OK -- with warnings` are not the same.
 */
function toldBy(words: readonly string[]): ReadonlyMap<Key, string> {
  const told = new Map<Key, string>();
  let last: Key | undefined;
  for (const word of words) {
    const [, name, value = ''] = /^--([a-z]+)=(.*)$/s.exec(word) ?? [];
    if (name === undefined) {
      if (last === 'status') told.set(last, `${told.get(last) ?? ''} ${word}`);
      continue;
    }
    const key = KEYS.find((known) => known === name);
    if (!key) {
      throw new SnaphookError('E_USAGE', `"--${name}" is no word of this integration`, {
        hint: `Known: ${KEYS.map((known) => `--${known}=`).join(' ')}`,
      });
    }
    last = key;
    if (isTold(value)) told.set(key, value);
  }
  return told;
}

/** Codes that a daemon does not know stay as they are; some have no value yet. */
const isTold = (value: string): boolean => value !== '' && value !== '*none*' && !/^%[A-Za-z]$/.test(value);

function readAccurate(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === 'yes' || text === 'no') return text === 'yes';
  throw new SnaphookError('E_USAGE', `--accurate "${text}" is unknown`, {
    hint: 'Write yes where the Job resource has `Accurate = yes`, else no.',
  });
}
