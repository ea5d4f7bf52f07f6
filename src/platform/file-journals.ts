import { link, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { SnaphookError } from '../ports/errors.ts';
import { runId as parseRunId } from '../ports/identity.ts';
import type { Journal, JournalLine, JournalStore, OpenRun } from '../ports/journal.ts';
import { ensureFolder } from './ensure-folder.ts';
import { isProcessAlive } from './process-alive.ts';
import { syncFolder } from './sync-folder.ts';
import { systemErrorCode } from './system-error.ts';

const JOURNAL_SUFFIX = '.jsonl';
const UNBORN_SUFFIX = '.new';

/**
 * Journals as files: `<folder>/open/<run id>.jsonl` while the run is open, moved to `<folder>/closed/` when it is closed, or to
 * `<folder>/kept/` for as long as its snapshot is kept.
 * Each line is one record, written with one call and flushed to stable storage before `append` resolves. Lines hold no secrets.
 */
export function createFileJournals(folder: string): JournalStore {
  const openFolder = path.join(folder, 'open');
  const keptFolder = path.join(folder, 'kept');
  const closedFolder = path.join(folder, 'closed');
  const fileOf = (parent: string, id: string) => path.join(parent, `${parseRunId(id)}${JOURNAL_SUFFIX}`);
  const move = async (id: string, from: readonly string[], to: string) => {
    for (const parent of from) {
      const file = fileOf(parent, id);
      if (!(await exists(file))) continue;
      await ensureFolder(to, 0o700);
      await rename(file, fileOf(to, id));
      await syncFolder(parent);
      await syncFolder(to);
    }
  };

  return {
    async create({ runId: id, job }) {
      const file = fileOf(openFolder, id);
      // Complete under another name first: a journal is never seen without its head, and never taken over.
      const unborn = `${file}.${process.pid}${UNBORN_SUFFIX}`;
      try {
        await ensureFolder(openFolder, 0o700);
        await ensureFolder(closedFolder, 0o700);
        const handle = await open(unborn, 'wx', 0o600);
        try {
          await handle.writeFile(`${JSON.stringify({ journal: 1, runId: id, job })}\n`);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await link(unborn, file);
        await rm(unborn);
        await syncFolder(openFolder);
      } catch (cause) {
        await rm(unborn, { force: true });
        throw new SnaphookError('E_JOURNAL', `journal "${file}" cannot be created (${systemErrorCode(cause)})`, {
          cause,
          hint: 'Check that the state directory exists, is writable for this account, and has free space.',
        });
      }
      return fileJournal(id, file);
    },

    async open(id) {
      for (const parent of [openFolder, keptFolder, closedFolder]) {
        const file = fileOf(parent, id);
        if (await exists(file)) return fileJournal(id, file);
      }
      throw new SnaphookError('E_JOURNAL', `this machine has no journal of run "${id}"`);
    },

    async openRuns(job) {
      const runs = await listRuns(openFolder);
      return job === undefined ? runs : runs.filter((run) => run.job === job);
    },

    close: (id) => move(id, [openFolder, keptFolder], closedFolder),

    keep: (id) => move(id, [openFolder], keptFolder),

    keptRuns: () => listRuns(keptFolder),

    async closedRuns(limit) {
      return [...(await listRuns(closedFolder))].reverse().slice(0, limit);
    },

    unborn: () => unbornNames(openFolder),

    async sweep() {
      for (const name of await unbornNames(openFolder)) await rm(path.join(openFolder, name), { force: true });
    },
  };
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Run ids begin with their time, so that the order of names is the order of age. */
async function listRuns(folder: string): Promise<readonly OpenRun[]> {
  const runs: OpenRun[] = [];
  for (const name of await journalNames(folder)) {
    const run = parseHead(await readHead(path.join(folder, name)));
    if (run) runs.push(run);
  }
  return runs;
}

async function journalNames(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((entry) => entry.endsWith(JOURNAL_SUFFIX)).sort();
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return [];
    throw new SnaphookError('E_JOURNAL', `journals in "${folder}" cannot be read (${systemErrorCode(cause)})`, {
      cause,
      hint: 'Check `stateDirectory` and the rights of this account.',
    });
  }
}

/** Empty when the run was closed, and its journal moved, since the folder was listed. */
async function readHead(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).split('\n', 1)[0] ?? '';
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** What processes were making when they died. */
async function unbornNames(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => {
    const pid = new RegExp(`\\.(\\d+)\\${UNBORN_SUFFIX}$`).exec(name)?.[1];
    return pid !== undefined && !isProcessAlive(Number(pid));
  });
}

function parseHead(line: string): OpenRun | undefined {
  const head = parseJson(line);
  if (!isRecord(head) || typeof head.runId !== 'string' || typeof head.job !== 'string') return undefined;
  return { runId: head.runId, job: head.job };
}

function fileJournal(runId: string, file: string): Journal {
  let cutTornEnd = true;
  return {
    runId,
    async append(line) {
      if (cutTornEnd) await cutTornLine(file);
      cutTornEnd = false;
      const handle = await open(file, 'a').catch((cause: unknown) => {
        throw unwritable(file, cause);
      });
      try {
        await handle.writeFile(`${JSON.stringify(line)}\n`);
        await handle.sync();
      } catch (cause) {
        cutTornEnd = true;
        throw unwritable(file, cause);
      } finally {
        await handle.close();
      }
    },
    async read() {
      const text = await readFile(file, 'utf8');
      const complete = text.slice(0, text.lastIndexOf('\n') + 1);
      return complete
        .split('\n')
        .slice(1)
        .filter((line) => line !== '')
        .map((line, index) => parseLine(line, file, index + 2));
    },
  };
}

/** A line without its end was being written when the process died: its record never counted. */
async function cutTornLine(file: string): Promise<void> {
  const content = await readFile(file);
  const end = content.lastIndexOf(0x0a) + 1;
  if (end < content.length) await truncate(file, end);
}

function parseLine(text: string, file: string, number: number): JournalLine {
  const line = parseJson(text);
  if (!isRecord(line) || typeof line.seq !== 'number' || typeof line.at !== 'string' || typeof line.kind !== 'string') {
    throw new SnaphookError('E_JOURNAL', `journal "${file}", line ${number}, is damaged`, {
      hint: 'Keep the file. What the run holds on the array has its run id in the name: compare with `snaphook reap`.',
    });
  }
  return { seq: line.seq, at: line.at, kind: line.kind, data: line.data };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const unwritable = (file: string, cause: unknown) =>
  new SnaphookError('E_JOURNAL', `journal "${file}" cannot be written (${systemErrorCode(cause)})`, {
    cause,
    hint: 'Check free space and rights of the state directory. Nothing is done that could not be journaled first.',
  });
