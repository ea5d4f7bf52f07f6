import { HelperEvents } from '../helper-events.ts';
import { parseHelperLine } from './helper-lines.ts';
import type { HelperEvent } from './vss-helper-protocol.ts';

export type EventOf<Name extends HelperEvent['event']> = Extract<HelperEvent, { readonly event: Name }>;

/** Why no more events come. */
export type HelperEnd =
  /** The program ended by itself. */
  | { readonly kind: 'exited'; readonly exitCode: number | undefined; readonly stderr: string }
  /** Its shell is gone. */
  | { readonly kind: 'shell-gone' };

const MAX_LINE_BYTES = 1024 * 1024;
const MAX_STDERR_BYTES = 4000;

/** What the VSS helper has said so far, and what became of it. */
export class HelperFacts extends HelperEvents<HelperEvent> {
  /** The receiving connection broke: events may be missing. Cleared when receiving starts again. */
  lost: unknown;
  end: HelperEnd | undefined;
  #stderr: Buffer = Buffer.alloc(0);

  constructor() {
    super(parseHelperLine, MAX_LINE_BYTES);
  }

  addOutput(stdout: Buffer, stderr: Buffer): void {
    // Bytes are joined before they are text: a piece may end in the middle of a character.
    this.#stderr = Buffer.concat([this.#stderr, stderr]).subarray(-MAX_STDERR_BYTES);
    this.hear(stdout);
    this.changed();
  }

  exited(exitCode: number | undefined): void {
    this.end ??= { kind: 'exited', exitCode, stderr: this.#stderr.toString('utf8') };
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

  receivingAgain(): void {
    this.lost = undefined;
    this.tolerateFragment();
  }
}
