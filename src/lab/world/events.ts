import { appendFileSync } from 'node:fs';

export type LabSystem = 'array' | 'vcenter' | 'guest' | 'proxy' | 'lab';

/** Everything the lab saw or did, in order. Tests and the demo judge the product by this, not by what the product says. */
export interface LabEvent {
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

export class EventLog {
  readonly events: LabEvent[] = [];
  readonly #file: string | undefined;
  readonly #listeners = new Set<(event: LabEvent) => void>();

  /** With a file every event is also appended there as one JSON line. */
  constructor(file?: string) {
    this.#file = file;
  }

  add(
    system: LabSystem,
    kind: LabEvent['kind'],
    operation: string,
    object = '',
    detail: LabEvent['detail'] = {},
  ): LabEvent {
    const event: LabEvent = {
      seq: this.events.length + 1,
      at: new Date().toISOString(),
      atMs: performance.now(),
      system,
      kind,
      operation,
      object,
      detail,
    };
    this.events.push(event);
    if (this.#file) appendFileSync(this.#file, `${JSON.stringify(event)}\n`);
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  onEvent(listener: (event: LabEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  since(seq: number): readonly LabEvent[] {
    return this.events.slice(seq);
  }
}
