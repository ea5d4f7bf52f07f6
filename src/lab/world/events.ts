import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';

export type LabSystem = 'array' | 'vcenter' | 'guest' | 'proxy' | 'lab';

/** Everything the lab saw or did, in order. Tests and the demo judge the product by this, not by what the product says. */
export interface LabEvent {
  /** 1, 2, 3, ...; with a file it goes on where the file's last line stood. */
  readonly seq: number;
  /** ISO wall-clock time. */
  readonly at: string;
  /** Monotonic milliseconds since the lab process started. */
  readonly atMs: number;
  readonly system: LabSystem;
  /**
   * `connection`: a TCP connection was accepted. `request`/`answer`: one call and its end.
   * `effect`: state changed. `fault`: a rule fired. `unserved`: asked for something the lab does not simulate yet.
   */
  readonly kind: 'connection' | 'request' | 'answer' | 'effect' | 'fault' | 'unserved';
  /** Operation as the protocol names it, such as `Login` or `POST private/snapshot`. */
  readonly operation: string;
  /** What it is about: VM, device, snapshot name. */
  readonly object: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** With a file, older events are found there only. */
const KEPT_WITH_FILE = 10_000;

export class EventLog {
  /** Oldest first: every event, or with a file the newest 10,000 of this process. */
  readonly events: LabEvent[] = [];
  readonly #file: string | undefined;
  #lastSeq = 0;
  readonly #listeners = new Set<(event: LabEvent) => void>();

  /** With a file every event is also appended there as one JSON line, after those of earlier processes. */
  constructor(file?: string) {
    this.#file = file;
    if (file === undefined) return;
    this.#lastSeq = lastSeqIn(file);
    this.add('lab', 'effect', 'lab started');
  }

  add(
    system: LabSystem,
    kind: LabEvent['kind'],
    operation: string,
    object = '',
    detail: LabEvent['detail'] = {},
  ): LabEvent {
    this.#lastSeq += 1;
    const event: LabEvent = {
      seq: this.#lastSeq,
      at: new Date().toISOString(),
      atMs: performance.now(),
      system,
      kind,
      operation,
      object,
      detail,
    };
    this.events.push(event);
    if (this.#file !== undefined) {
      if (this.events.length > KEPT_WITH_FILE) this.events.shift();
      appendFileSync(this.#file, `${JSON.stringify(event)}\n`);
    }
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  onEvent(listener: (event: LabEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The events after that number, as far as they are still in memory. */
  since(seq: number): readonly LabEvent[] {
    const firstSeq = this.events[0]?.seq ?? 1;
    return this.events.slice(Math.max(0, seq + 1 - firstSeq));
  }
}

/** The number of the last whole line; 0 without one. A line cut off by a killed process is ended, so that the next stays whole. */
function lastSeqIn(file: string): number {
  if (!existsSync(file)) return 0;
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    for (let length = 64 * 1024; size > 0; length *= 4) {
      const tail = Buffer.alloc(Math.min(length, size));
      readSync(descriptor, tail, 0, tail.length, size - tail.length);
      if (tail.at(-1) !== 0x0a) appendFileSync(file, '\n');
      const seq = tail
        .toString('utf8')
        .split('\n')
        .map(seqOf)
        .findLast((found) => found !== undefined);
      if (seq !== undefined || tail.length === size) return seq ?? 0;
    }
    return 0;
  } finally {
    closeSync(descriptor);
  }
}

function seqOf(line: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    const seq = typeof parsed === 'object' && parsed !== null && 'seq' in parsed ? parsed.seq : undefined;
    return typeof seq === 'number' && Number.isSafeInteger(seq) ? seq : undefined;
  } catch {
    return undefined;
  }
}
