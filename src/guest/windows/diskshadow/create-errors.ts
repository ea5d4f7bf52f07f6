import { SnaphookError } from '../../../ports/errors.ts';
import { excerpt } from '../../lines.ts';
import { adviceFor, nameOfResult } from '../vss-results.ts';
import type { CreateOutput } from './script.ts';

/** VSS_E_WRITERERROR_*: the failure is a writer's. */
const WRITER_ERROR = /^0x800423F[0-4]$|^0x80042336$/;

/** What diskshadow said last: earlier lines repeat the script. */
const lastWords = (output: Buffer): string => excerpt(output.toString('utf8').slice(-400));

/** diskshadow ended with an error: VSS has let go, and there is no set. */
export function createFailed(
  guest: string,
  { hresult, errorName }: CreateOutput,
  output: Buffer,
  exitCode: number,
): SnaphookError {
  if (hresult === undefined) {
    return new SnaphookError(
      'E_FREEZE_FAILED',
      `diskshadow of guest "${guest}" made no shadow copies, exit code ${exitCode}: ${lastWords(output)}`,
      {
        hint:
          'A writer that is verified and has nothing on the captured volumes fails the copies: name those that matter in ' +
          'requiredWriters. Otherwise read the Application event log of the guest, source VSS.',
      },
    );
  }
  const name = nameOfResult(hresult);
  // diskshadow knows names that are in no table of ours.
  const named = name === hresult && errorName !== undefined ? `${errorName} (${hresult})` : name;
  return new SnaphookError(
    WRITER_ERROR.test(hresult) ? 'E_WRITER_FAILED' : 'E_FREEZE_FAILED',
    `diskshadow of guest "${guest}" made no shadow copies: ${named}`,
    { hint: adviceFor(hresult) },
  );
}

export const createLate = (guest: string, limitMs: number): SnaphookError =>
  new SnaphookError('E_FREEZE_FAILED', `guest "${guest}" made no shadow copies within ${limitMs / 1000} s`, {
    hint: 'See which writer is slow, in the Application event log of the guest, or run when it is less busy.',
    effect: 'unknown',
  });

export const noSet = (guest: string, output: Buffer): SnaphookError =>
  new SnaphookError(
    'E_FREEZE_FAILED',
    `diskshadow of guest "${guest}" ended well and told of no set: ${lastWords(output)}`,
    {
      hint: 'Run diskshadow by hand in the guest; docs/vss-diskshadow.md has the script.',
      effect: 'unknown',
    },
  );

export const wrongSet = (guest: string, setId: string, found: number, wanted: number): SnaphookError =>
  new SnaphookError(
    'E_FREEZE_FAILED',
    `set "${setId}" of guest "${guest}" has ${found} shadow copies, not one of each of ${wanted} volumes`,
    { hint: 'Windows may have removed one for want of space: read the System event log of the guest, source volsnap.' },
  );
