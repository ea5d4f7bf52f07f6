/** The system's code of a failed call, such as `ENOSPC`; what an admin looks for first. */
export function systemErrorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown reason';
}
