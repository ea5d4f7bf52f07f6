import { existsSync, readFileSync } from 'node:fs';

/** What the suite that freezes real file systems measured. */
export interface RealFreezes {
  readonly cycles: number;
  readonly worstOverrunMs: number;
}

/** Written by `npm run test:freeze`. Undefined: it has not run here. */
export function readRealFreezes(file: string): RealFreezes | undefined {
  if (!existsSync(file)) return undefined;
  const results: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const isRecord = typeof results === 'object' && results !== null;
  if (!isRecord || !('realFreezeCycles' in results) || !('worstOverrunMs' in results)) throw unreadable(file);
  const { realFreezeCycles: cycles, worstOverrunMs } = results;
  if (typeof cycles !== 'number' || typeof worstOverrunMs !== 'number') throw unreadable(file);
  return { cycles, worstOverrunMs };
}

const unreadable = (file: string): Error => new Error(`"${file}" does not hold what npm run test:freeze writes`);
