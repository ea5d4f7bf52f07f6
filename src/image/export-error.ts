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

/** Of a device that images are made of. */
export const unreadDevice = (why: string, cause: unknown) =>
  new SnaphookError('E_EXPORT', why, {
    cause,
    hint: 'Check the target device on this machine, and the messages of the kernel (dmesg).',
  });

/** What became of writing a file. A source that cannot be read is a `SnaphookError` already. */
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
    return new SnaphookError('E_EXPORT', `"${placeOf(error) ?? file}" is there already`, {
      cause: error,
      hint: 'Another run may be writing it: give each job a hand-over directory of its own.',
    });
  }
  const why = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : code;
  return new SnaphookError('E_EXPORT', `"${file}" cannot be written: ${why}`, {
    cause: error,
    hint: 'Check the hand-over directory.',
  });
}

/** The path that the system was asked for: a draft has another name than what it is to become. */
const placeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'path' in error && typeof error.path === 'string'
    ? error.path
    : undefined;
