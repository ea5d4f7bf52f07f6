import { LineSplitter } from './lines.ts';

interface NamedEvent {
  readonly event: string;
}

/**
 * Everything a helper in a guest has said so far, one event a line. Calls do not consume events, so a call that was aborted
 * takes nothing away from the next one: a thaw sees what its freeze waited for.
 */
export class HelperEvents<Event extends NamedEvent> {
  readonly #parse: (line: string) => Event | undefined;
  readonly #events: Event[] = [];
  readonly #lines: LineSplitter;
  readonly #waiting = new Set<() => void>();
  #whenAwaited: (() => void)[] = [];
  #tolerateFragment = false;
  /** The first line that is not of the protocol. */
  violation: string | undefined;

  constructor(parse: (line: string) => Event | undefined, maxLineBytes: number) {
    this.#parse = parse;
    this.#lines = new LineSplitter(maxLineBytes);
  }

  /** Number of events so far, for `last(name, since)`. */
  get count(): number {
    return this.#events.length;
  }

  last<Name extends Event['event']>(name: Name, since = 0): Extract<Event, { readonly event: Name }> | undefined {
    const found = this.#events.findLast((event, index) => index >= since && event.event === name);
    return found as Extract<Event, { readonly event: Name }> | undefined; // found by that name
  }

  /** Output of the helper as it came. Waits look again with `changed`. */
  hear(output: Buffer): void {
    for (const line of this.#lines.push(output)) {
      const event = this.#parse(line);
      if (event) this.#events.push(event);
      else if (!this.#tolerateFragment) this.violation ??= line;
      this.#tolerateFragment = false;
    }
  }

  /** What the helper says in another way than by a line of its output. */
  tell(event: Event): void {
    this.#events.push(event);
    this.changed();
  }

  /** Output was lost: the first line from here on may be the tail of one whose head was lost. */
  tolerateFragment(): void {
    this.#tolerateFragment = true;
  }

  /** Lets all waits look again. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves as soon as somebody waits: a transport that has to ask for output asks only then. */
  awaited(): Promise<void> {
    if (this.#waiting.size > 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenAwaited.push(resolve));
  }

  /** Resolves with the first value the check gives; rejects with the signal's reason when aborted first. */
  waitFor<Found>(check: () => Found | undefined, signal: AbortSignal): Promise<Found> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        this.#waiting.delete(look);
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const look = () => {
        const found = check();
        if (found !== undefined) settle(() => resolve(found));
      };
      const onAbort = () => settle(() => reject(signal.reason));
      this.#waiting.add(look);
      signal.addEventListener('abort', onAbort, { once: true });
      look();
      if (signal.aborted) onAbort();
      if (this.#waiting.has(look)) for (const tell of this.#whenAwaited.splice(0)) tell();
    });
  }
}
