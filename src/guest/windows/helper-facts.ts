import { LineSplitter, parseHelperLine } from './helper-lines.ts';
import type { HelperEvent } from './vss-helper-protocol.ts';

type EventName = HelperEvent['event'];
export type EventOf<Name extends EventName> = Extract<HelperEvent, { readonly event: Name }>;

/** Why no more events come. */
export type HelperEnd =
  /** The program ended by itself. */
  | { readonly kind: 'exited'; readonly exitCode: number | undefined; readonly stderr: string }
  /** Its shell is gone. */
  | { readonly kind: 'shell-gone' };

/**
 * Everything the helper has said so far. Calls do not consume events, so a call that was aborted takes nothing away
 * from the next one: a thaw sees what its freeze waited for.
 */
export class HelperFacts {
  readonly #events: HelperEvent[] = [];
  readonly #lines = new LineSplitter();
  readonly #waiting = new Set<() => void>();
  #tolerateFragment = false;
  /** The first line that is not of the protocol. */
  violation: string | undefined;
  /** The receiving connection broke: events may be missing. Cleared when receiving starts again. */
  lost: unknown;
  end: HelperEnd | undefined;
  #stderr = '';

  /** Number of events so far, for `last(name, since)`. */
  get count(): number {
    return this.#events.length;
  }

  last<Name extends EventName>(name: Name, since = 0): EventOf<Name> | undefined {
    const found = this.#events.findLast((event, index) => index >= since && event.event === name);
    return found as EventOf<Name> | undefined; // found by that name
  }

  addOutput(stdout: Buffer, stderr: Buffer): void {
    this.#stderr = (this.#stderr + stderr.toString('utf8')).slice(-4000);
    for (const line of this.#lines.push(stdout)) {
      const event = parseHelperLine(line);
      if (event) this.#events.push(event);
      else if (!this.#tolerateFragment) this.violation ??= line;
      this.#tolerateFragment = false;
    }
    this.changed();
  }

  exited(exitCode: number | undefined): void {
    this.end ??= { kind: 'exited', exitCode, stderr: this.#stderr };
    this.changed();
  }

  shellGone(): void {
    this.end ??= { kind: 'shell-gone' };
    this.changed();
  }

  connectionLost(error: unknown): void {
    this.lost = error;
    this.changed();
  }

  /** After a lost connection the first line may be the tail of one whose head was lost. */
  receivingAgain(): void {
    this.lost = undefined;
    this.#tolerateFragment = true;
  }

  /** Lets all waits look again. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
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
    });
  }
}
