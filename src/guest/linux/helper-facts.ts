import { HelperEvents } from '../helper-events.ts';
import type { RemoteEnd } from '../ssh/ssh-connection.ts';
import type { FreezeHelperEvent } from './freeze-helper-protocol.ts';
import { parseHelperLine } from './helper-lines.ts';

export type EventOf<Name extends FreezeHelperEvent['event']> = Extract<FreezeHelperEvent, { readonly event: Name }>;

/** Why no more events come. */
export type HelperEnd = RemoteEnd & { readonly stderr: string };

/** Facts of a guest with thousands of mounts are one line. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const MAX_STDERR = 4000;

/** What one run of the helper has said so far, and how it ended. */
export class HelperFacts extends HelperEvents<FreezeHelperEvent> {
  end: HelperEnd | undefined;
  #stderr = '';

  constructor() {
    super(parseHelperLine, MAX_LINE_BYTES);
  }

  stdout(data: Buffer): void {
    this.hear(data);
    this.changed();
  }

  stderr(data: Buffer): void {
    this.#stderr = (this.#stderr + data.toString('utf8')).slice(-MAX_STDERR);
  }

  ended(end: RemoteEnd): void {
    this.end ??= { ...end, stderr: this.#stderr };
    this.changed();
  }
}
