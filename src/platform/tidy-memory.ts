import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type CollectGarbage = (options: { readonly type: 'minor' }) => void;

let collect: CollectGarbage | undefined;

/**
 * Clears away the young garbage. The preparation of many guests leaves so much that V8 would otherwise stop everything for it some time
 * in the freeze window; there is no published call for it, and without one the window is as long as it was.
 */
export function tidyMemory(): void {
  try {
    collect ??= exposedCollector();
    collect?.({ type: 'minor' });
  } catch {
    // A V8 that does not know the flag.
  }
}

/** With the flag, contexts that are made from then on have a global `gc`. */
function exposedCollector(): CollectGarbage | undefined {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('globalThis.gc');
  // What V8 documents of it: it takes these options.
  return typeof gc === 'function' ? (gc as CollectGarbage) : undefined;
}
