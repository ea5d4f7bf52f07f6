import type { Clock } from '../ports/clock.ts';
import type { Locks } from '../ports/journal.ts';
import { isJobLock } from './job-turn.ts';

const LOOK_AGAIN_MS = 1000;

/**
 * How many hooks of this machine are at work, by the locks of their jobs: at least one. The answer is what the last look found; a
 * new look goes on beside and is waited for by nobody. One that fails changes nothing.
 */
export function workingHooks(locks: Pick<Locks, 'list'>, clock: Clock): () => number {
  let found = 1;
  let lookedAtMs: number | undefined;
  const look = async () => {
    try {
      const held = await locks.list();
      found = Math.max(1, held.filter(({ name, abandoned }) => isJobLock(name) && !abandoned).length);
    } catch {
      // The lock folder is looked at by everybody who needs it; here an old number does.
    }
  };
  return () => {
    const nowMs = clock.monotonicMs();
    if (lookedAtMs === undefined || nowMs - lookedAtMs >= LOOK_AGAIN_MS) {
      lookedAtMs = nowMs;
      void look();
    }
    return found;
  };
}
