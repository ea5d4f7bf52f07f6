import { systemErrorCode } from '../platform/system-error.ts';
import { SnaphookError } from '../ports/errors.ts';

export const unwritable = (directory: string, cause: unknown) =>
  new SnaphookError('E_EXPORT', `hand-over directory "${directory}" cannot be written (${systemErrorCode(cause)})`, {
    cause,
    hint: 'Create it, or give the account that runs the hook the right to write there.',
  });

export const unreadable = (directory: string, cause: unknown) =>
  new SnaphookError('E_EXPORT', `hand-over directory "${directory}" cannot be read (${systemErrorCode(cause)})`, {
    cause,
    hint: 'Give the account that runs snaphook the right to read it.',
  });

export function exportError(error: unknown, file: string): unknown {
  if (error instanceof SnaphookError || error instanceof TypeError) return error;
  const code = systemErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SnaphookError('E_PROXY_SPACE', `no space left while writing "${file}"`, {
      cause: error,
      hint: 'Free space in the hand-over directory, or give the job one on a larger file system.',
    });
  }
  if (code === 'EEXIST') {
    return new SnaphookError('E_EXPORT', `"${file}.partial" is being written by another run`, {
      cause: error,
      hint: 'Give each job a hand-over directory of its own.',
    });
  }
  const why = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : code;
  return new SnaphookError('E_EXPORT', `"${file}" cannot be written: ${why}`, {
    cause: error,
    hint: 'Check the hand-over directory and the target device on this machine.',
  });
}
