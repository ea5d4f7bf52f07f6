import type { Journal, Lock } from '../ports/journal.ts';

/** Whoever took the lock over writes the journal from then on, and may have closed the run: this process adds nothing to it. */
export function whileHeld(journal: Journal, { lost }: Pick<Lock, 'lost'>): Journal {
  return {
    runId: journal.runId,
    read: () => journal.read(),
    append: async (line) => {
      lost.throwIfAborted();
      await journal.append(line);
    },
  };
}
