import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Journal, JournalLine, JournalStore, LockUser, OpenRun } from '../../../src/ports/journal.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';

interface JournalFile {
  readonly job: string;
  /** The process that opened the run. */
  readonly openedBy: string;
  folder: 'open' | 'kept' | 'closed';
  /** Complete lines as text, then what a crash left of one. */
  lines: readonly string[];
  torn: string;
}

/** One holding of a lock. */
export interface Holding {
  readonly holder: HookProcess;
  readonly lost: AbortController;
  readonly stop: AbortController;
  isListening: boolean;
  /** Who the holder says it is. */
  readonly user: LockUser | undefined;
  /** Those who ask the holder to stop: a file each beside the lock, which the holder renames when it takes notice. */
  readonly requests: Set<StopAsked>;
}

export interface StopAsked {
  readonly why: string;
  isHeard: boolean;
}

/** The state directory on disk. It survives processes and machines, unless it is lost or put back from a copy. */
export class StateDirectory {
  journals = new Map<string, JournalFile>();
  readonly locks = new Map<string, Holding>();
  /** Journals that were being made, and by whom. */
  readonly unborn = new Map<string, HookProcess>();
  /** Told of every line that reached the disk. */
  onLine: (runId: string, line: JournalLine) => void = () => undefined;
  /** Told of every line whose writer was told that it had not, though it may be there. */
  onUnsure: (line: JournalLine) => void = () => undefined;

  copy(): ReadonlyMap<string, JournalFile> {
    return new Map([...this.journals].map(([id, file]) => [id, { ...file }]));
  }

  restore(copy: ReadonlyMap<string, JournalFile>): void {
    this.journals = new Map([...copy].map(([id, file]) => [id, { ...file }]));
    this.locks.clear();
    this.unborn.clear();
  }

  runs(folder: JournalFile['folder']): readonly OpenRun[] {
    return [...this.journals]
      .filter(([, file]) => file.folder === folder)
      .map(([runId, { job }]) => ({ runId, job }))
      .sort((one, other) => (one.runId < other.runId ? -1 : 1));
  }

  /** Runs that the process opened and that are not closed. */
  openRunsOf(process: HookProcess): readonly string[] {
    return [...this.journals]
      .filter(([, file]) => file.folder === 'open' && file.openedBy === process.id)
      .map(([runId]) => runId);
  }

  linesOf(runId: string): readonly JournalLine[] {
    // Written by `append` below, line by line.
    return (this.journals.get(runId)?.lines ?? []).map((line) => JSON.parse(line) as JournalLine);
  }

  /** Journals whose makers died over it. */
  get abandonedUnborn(): readonly string[] {
    return [...this.unborn].filter(([, maker]) => !maker.isAlive).map(([name]) => name);
  }

  /** The holder cannot prove any more that it holds: it is told, and others may come. */
  loseLocksOf(process: HookProcess): void {
    for (const [name, { holder, lost }] of [...this.locks]) {
      if (holder !== process) continue;
      this.locks.delete(name);
      lost.abort(new SnaphookError('E_LOCKED', `lock "${name}" could not be refreshed and may be taken over`));
    }
  }
}

const full = () => new SnaphookError('E_JOURNAL', 'the journal cannot be written (ENOSPC)');

export function simulatedJournals(disk: StateDirectory, process: HookProcess, random: Random): JournalStore {
  const call = <Result>(name: string, effect: () => Result, more: { readonly tear?: () => void } = {}) =>
    process.call({
      name: `journal.${name}`,
      latencyMs: random.latency(2, 120),
      effect,
      isLocal: true,
      faultWeight: 0.2,
      // A line may be complete on the disk although its write was told to have failed.
      errors: name === 'append' ? { refused: full, lost: full } : name === 'create' ? { refused: full } : {},
      ...more,
    });
  const fileOf = (runId: string): JournalFile => {
    const file = disk.journals.get(runId);
    if (!file) throw new SnaphookError('E_JOURNAL', `this machine has no journal of run "${runId}"`);
    return file;
  };
  const journal = (runId: string): Journal => ({
    runId,
    append(line) {
      const text = JSON.stringify(line);
      const tear = () => {
        const file = fileOf(runId);
        file.torn = text.slice(0, random.whole(1, text.length - 1));
      };
      return call(
        'append',
        () => {
          const file = fileOf(runId);
          file.torn = '';
          file.lines = [...file.lines, text];
          disk.onLine(runId, line);
        },
        { tear },
      ).catch((error: unknown) => {
        disk.onUnsure(line);
        throw error;
      });
    },
    // A torn last line was never a line.
    read: () =>
      call('read', () => {
        fileOf(runId);
        return disk.linesOf(runId);
      }),
  });
  return {
    async create({ runId, job }) {
      // Made whole under another name first.
      const tear = () => void disk.unborn.set(`${runId}.jsonl.${process.id}.new`, process);
      await call(
        'create',
        () => {
          if (disk.journals.has(runId))
            throw new SnaphookError('E_JOURNAL', `journal of run "${runId}" cannot be created (EEXIST)`);
          disk.journals.set(runId, { job, openedBy: process.id, folder: 'open', lines: [], torn: '' });
        },
        { tear },
      );
      return journal(runId);
    },
    async open(runId) {
      await call('open', () => fileOf(runId));
      return journal(runId);
    },
    openRuns: (job) => call('openRuns', () => disk.runs('open').filter((run) => job === undefined || run.job === job)),
    close: (runId) =>
      call('close', () => {
        fileOf(runId).folder = 'closed';
      }),
    keep: (runId) =>
      call('keep', () => {
        fileOf(runId).folder = 'kept';
      }),
    keptRuns: () => call('keptRuns', () => disk.runs('kept')),
    closedRuns: (limit) => call('closedRuns', () => [...disk.runs('closed')].reverse().slice(0, limit)),
    unborn: () => call('unborn', () => disk.abandonedUnborn),
    sweep: () =>
      call('sweep', () => {
        for (const name of disk.abandonedUnborn) disk.unborn.delete(name);
      }),
  };
}
