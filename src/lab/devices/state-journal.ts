import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { StoreError } from './store-contract.ts';

export interface StateChange {
  readonly set?: Readonly<Record<string, object>>;
  readonly drop?: readonly string[];
}

/** Lines appended before the journal is written anew; grows with the state, so that compaction stays cheap on average. */
const MIN_LINES_BEFORE_COMPACTION = 2000;

/**
 * The control state of the store as named JSON records. One `commit` is one line in an append-only file: all of its
 * records change, or none. A last line without its end was cut off by the death of the process and never happened.
 */
export class StateJournal {
  readonly #file: string;
  readonly #entries: Map<string, object>;
  #descriptor: number;
  #lengthBytes = 0;
  #lines = 0;

  private constructor(file: string, entries: Map<string, object>) {
    this.#file = file;
    this.#entries = entries;
    this.#descriptor = this.#rewrite();
  }

  static open(file: string): StateJournal {
    return new StateJournal(file, replay(file));
  }

  entries(): ReadonlyMap<string, object> {
    return this.#entries;
  }

  commit(change: StateChange): void {
    const line = Buffer.from(`${JSON.stringify(change)}\n`);
    try {
      for (let done = 0; done < line.length; ) {
        done += writeSync(this.#descriptor, line, done, line.length - done, this.#lengthBytes + done);
      }
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#lengthBytes);
      throw error;
    }
    this.#lengthBytes += line.length;
    this.#lines++;
    apply(this.#entries, change);
    if (this.#lines > Math.max(MIN_LINES_BEFORE_COMPACTION, 2 * this.#entries.size)) {
      closeSync(this.#descriptor);
      this.#descriptor = this.#rewrite();
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #rewrite(): number {
    const whole = Buffer.from(`${JSON.stringify({ set: Object.fromEntries(this.#entries) })}\n`);
    writeFileSync(`${this.#file}.new`, whole);
    renameSync(`${this.#file}.new`, this.#file);
    this.#lengthBytes = whole.length;
    this.#lines = 0;
    return openSync(this.#file, 'r+');
  }
}

function apply(entries: Map<string, object>, change: StateChange): void {
  for (const key of change.drop ?? []) entries.delete(key);
  for (const [key, record] of Object.entries(change.set ?? {})) entries.set(key, record);
}

function replay(file: string): Map<string, object> {
  const entries = new Map<string, object>();
  let lineNumber = 0;
  for (const line of completeLines(file)) {
    lineNumber++;
    apply(entries, parseChange(line, file, lineNumber));
  }
  return entries;
}

function completeLines(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

function parseChange(line: string, file: string, lineNumber: number): StateChange {
  try {
    const change: unknown = JSON.parse(line);
    // Written by `commit` of this class; the records themselves are checked by whoever reads them.
    if (typeof change === 'object' && change !== null) return change as StateChange;
  } catch {
    // Falls through: not JSON is as damaged as JSON of another shape.
  }
  throw new StoreError('state-damaged', `line ${lineNumber} of the device store's journal "${file}" cannot be read`);
}
