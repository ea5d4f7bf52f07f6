const SHORTEST_PAUSE_MS = 20;
const SHARE_OF_WAITED = 0.1;

/**
 * How long to pause before the next look at something that ends by itself and tells nobody. Its end is noticed at most a tenth
 * of the time waited too late, or 20 ms where that is more; the number of looks grows with the logarithm of the time. `lookMs` is how
 * long the last look took, where it is many calls: whoever is asked has as much time for others.
 */
export function nextLookMs(waitedMs: number, lookMs = 0): number {
  return Math.max(SHORTEST_PAUSE_MS, waitedMs * SHARE_OF_WAITED, lookMs);
}

/** How long Unisphere may still show what the array has changed already (seen in the field: up to 10 s). */
export const MODEL_LAG_MS = 12_000;
