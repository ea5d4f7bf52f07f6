import type { Clock } from '../ports/clock.ts';
import { SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { Journal, JournalLine } from '../ports/journal.ts';
import type { JobContext } from './job-spec.ts';
import type { JournalRecord, StepName } from './journal-records.ts';
import { BEGINNINGS, phaseAfter, RECORD_KINDS } from './run-phase.ts';
import { applyRecord, emptyRunState, type RunState } from './run-state.ts';

const JOURNAL_VERSION = 1;

/** Reads a journal's lines back. Fails with `E_JOURNAL` on lines of another format version or an unknown kind. */
export function foldJournal(runId: string, lines: readonly JournalLine[]): RunState {
  return lines.reduce((state, line) => applyRecord(state, parseLine(runId, line), new Date(line.at)), emptyRunState());
}

const KINDS: ReadonlySet<string> = new Set(RECORD_KINDS);

function parseLine(runId: string, line: JournalLine): JournalRecord {
  const refuse = (why: string) =>
    new SnaphookError('E_JOURNAL', `journal of run "${runId}", line ${line.seq}: ${why}`, {
      hint: 'The run was written by another version of snaphook. Use that version to post or reap it.',
    });
  if (!KINDS.has(line.kind) || typeof line.data !== 'object' || line.data === null)
    throw refuse(`unknown record "${line.kind}"`);
  // Kind and data were written together by RunJournal.append of this format version, which the first line states.
  const record = { kind: line.kind, data: line.data } as JournalRecord;
  if (record.kind === 'opened' && record.data.version !== JOURNAL_VERSION)
    throw refuse(`format version ${record.data.version}`);
  return record;
}

/** The journal of a run together with what it says so far. */
export class RunJournal {
  readonly #journal: Journal;
  readonly #clock: Clock;
  #seq: number;
  #state: RunState;
  #lastAppend: Promise<void> = Promise.resolve();

  private constructor(journal: Journal, clock: Clock, lines: readonly JournalLine[]) {
    this.#journal = journal;
    this.#clock = clock;
    this.#seq = lines.at(-1)?.seq ?? 0;
    this.#state = foldJournal(journal.runId, lines);
  }

  static async load(journal: Journal, clock: Clock): Promise<RunJournal> {
    return new RunJournal(journal, clock, await journal.read());
  }

  get state(): RunState {
    return this.#state;
  }

  /** Resolves when the record is on stable storage. Only then may its effect begin. Records are written one after the other. */
  append(record: JournalRecord): Promise<void> {
    const append = this.#lastAppend.then(() => this.#write(record));
    this.#lastAppend = append.catch(() => undefined);
    return append;
  }

  async #write(record: JournalRecord): Promise<void> {
    if (BEGINNINGS.has(record.kind) && phaseAfter(this.#state.phase, record.kind) === undefined)
      throw new TypeError(`a run that is "${this.#state.phase}" never writes "${record.kind}"`);
    const at = this.#clock.now();
    const seq = this.#seq + 1;
    await this.#journal.append({ seq, at: at.toISOString(), kind: record.kind, data: record.data });
    this.#seq = seq;
    this.#state = applyRecord(this.#state, record, at);
  }

  async opened(context: JobContext): Promise<void> {
    await this.append({ kind: 'opened', data: { version: JOURNAL_VERSION, context } });
  }

  async refused(step: StepName, thrown: unknown): Promise<void> {
    await this.append({ kind: 'refused', data: { step, error: toErrorRecord(thrown) } });
  }

  async failed(step: StepName | undefined, thrown: unknown): Promise<void> {
    await this.append({ kind: 'failed', data: { step, error: toErrorRecord(thrown) } });
  }
}
