import type { Clock } from '../ports/clock.ts';
import type { Journal, JournalLine, JournalStore } from '../ports/journal.ts';
import type { Reporter } from '../ports/reporter.ts';

/** A beat that fell into the freeze window is made up for soon after it. */
const LOOK_AGAIN_MS = 1000;

export interface Heartbeat {
  readonly everyMs: number;
  /** False inside the freeze window. */
  readonly mayTell: () => boolean;
}

interface Parts {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly journals: JournalStore;
}

/**
 * Says again and again that the work goes on, what it does and for how long: backup products end hooks that are silent, and
 * people those that seem dead. What is being done is read off the records that the work journals through the ports it is given;
 * `doing` tells it for work that journals nothing.
 */
export async function withHeartbeat<Ports extends Parts, Result>(
  ports: Ports,
  { everyMs, mayTell }: Heartbeat,
  work: (ports: Ports, doing: (what: string) => void) => Promise<Result>,
): Promise<Result> {
  const { clock, reporter } = ports;
  const ended = new AbortController();
  let now = { doing: 'starting', sinceMs: clock.monotonicMs() };
  const doing = (what: string) => {
    now = { doing: what, sinceMs: clock.monotonicMs() };
  };
  const beat = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(everyMs, ended.signal);
      while (!mayTell()) await clock.sleep(LOOK_AGAIN_MS, ended.signal);
      const seconds = Math.round((clock.monotonicMs() - now.sinceMs) / 1000);
      reporter.info('still working', { doing: now.doing, seconds });
    }
  };
  const beating = beat().catch(() => undefined); // ends when the work has ended
  try {
    return await work({ ...ports, journals: observed(ports.journals, doing) }, doing);
  } finally {
    ended.abort();
    await beating;
  }
}

function observed(journals: JournalStore, doing: (what: string) => void): JournalStore {
  const observe = (journal: Journal): Journal => ({
    runId: journal.runId,
    read: () => journal.read(),
    append: async (line) => {
      await journal.append(line);
      const what = doingAfter(line);
      if (what !== undefined) doing(what);
    },
  });
  return {
    create: async (run) => observe(await journals.create(run)),
    open: async (runId) => observe(await journals.open(runId)),
    openRuns: (job) => journals.openRuns(job),
    close: (runId) => journals.close(runId),
    keep: (runId) => journals.keep(runId),
    keptRuns: () => journals.keptRuns(),
    closedRuns: (limit) => journals.closedRuns(limit),
    unborn: () => journals.unborn(),
    sweep: () => journals.sweep(),
  };
}

/** What begins with a record; undefined for records that something else follows at once. */
function doingAfter({ kind, data }: JournalLine): string | undefined {
  const step = typeof data === 'object' && data !== null && 'step' in data ? String(data.step) : '';
  switch (kind) {
    case 'opened':
      return 'planning';
    case 'planned':
      return 'preflight';
    case 'intent':
      return `step ${step}`;
    case 'undoing':
      return `undoing step ${step}`;
    default:
      return undefined;
  }
}
