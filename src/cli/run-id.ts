import { SnaphookError } from '../ports/errors.ts';
import { runId as parseRunId, type RunId } from '../ports/identity.ts';

/** @throws SnaphookError `E_USAGE` for anything that is no run id. */
export function runIdOf(text: string): RunId {
  try {
    return parseRunId(text);
  } catch {
    throw new SnaphookError('E_USAGE', `"${text}" is no run id`, {
      hint: 'Such as `mb3k2j1f-x8q2zk`; `snaphook status` and `snaphook snapshot list` show them.',
    });
  }
}
