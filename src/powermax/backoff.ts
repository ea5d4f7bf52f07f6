const MAX_PAUSE_MS = 15_000;

/**
 * How long to pause after failed attempt 1, 2, …: doubles up to 15 s. Between half and all of it, so that many clients
 * do not come back together.
 */
export function backoffMs(firstMs: number, attempt: number): number {
  const longest = Math.min(firstMs * 2 ** (attempt - 1), MAX_PAUSE_MS);
  return longest * (0.5 + Math.random() / 2);
}
