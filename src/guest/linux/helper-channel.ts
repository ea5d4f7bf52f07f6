import { SnaphookError } from '../../ports/errors.ts';
import type { RemoteOutput, RemoteProgram } from '../ssh/ssh-connection.ts';
import { SshError } from '../ssh/ssh-error.ts';
import { type GuestContext, helperEnded, helperNeverSpoke } from './guest-errors.ts';
import { type EventOf, HelperFacts } from './helper-facts.ts';
import { helperCommand, serveArguments } from './helper-lines.ts';

/** A way to programs of the guest, open and logged in: an SSH connection, or guest operations. */
export interface GuestConnection {
  readonly isOpen: boolean;
  /** Of the program that runs, what has to be known to end what a crash would leave of it. Absent: it ends with its connection. */
  readonly resume?: Readonly<Record<string, string>>;
  /** Makes the place in the guest which a program needs and a crash would leave; then `resume` tells of it. Absent: none is needed. */
  makePlace?(signal: AbortSignal): Promise<void>;
  /** Starts a command line of a shell. */
  run(
    command: string,
    output: RemoteOutput & Pick<HelperFacts, 'awaited'>,
    signal: AbortSignal,
  ): Promise<RemoteProgram>;
  /** Ends it, and with it the input of a program that still runs. */
  close(): void;
  /** Resolves when nothing is left of what was closed; rejects when that is not known. Absent: it is so at once. */
  closed?(): Promise<void>;
}

export type Connect = (signal: AbortSignal) => Promise<GuestConnection>;

/** The helper on one connection that stays open from the preparation to the end: freeze and thaw open nothing. */
export class HelperChannel {
  readonly #connect: Connect;
  readonly #facts: HelperFacts;
  #connection: GuestConnection | undefined;
  #program: RemoteProgram | undefined;

  constructor(connect: Connect, facts: HelperFacts) {
    this.#connect = connect;
    this.#facts = facts;
  }

  /** `onPlace` is called before there is a program that a crash would leave in its place. */
  async start(
    context: GuestContext,
    onPlace: (resume: Readonly<Record<string, string>>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const connection = await this.#connect(signal);
    this.#connection = connection;
    if (connection.makePlace) {
      await connection.makePlace(signal);
      await onPlace(this.resume);
      signal.throwIfAborted();
    }
    const command = helperCommand(context.settings, serveArguments(context.settings));
    this.#program = await connection.run(command, this.#facts, signal);
  }

  get canSend(): boolean {
    return this.#program !== undefined && this.#facts.end === undefined && (this.#connection?.isOpen ?? false);
  }

  /** One write on the open channel. @throws SshError `disconnected` when it is not open any more. */
  send(data: Buffer): void {
    if (!this.#program) throw new SshError({ kind: 'disconnected', reason: 'the helper was not started' });
    this.#program.write(data);
  }

  /** What the record of the session needs besides the helper's own words. */
  get resume(): Readonly<Record<string, string>> {
    return this.#connection?.resume ?? {};
  }

  /** Ends the connection, and with it the input of a helper that still runs: it thaws and ends. */
  close(): void {
    this.#connection?.close();
  }

  /** @throws when it is not known whether something is left in the guest. */
  async closed(): Promise<void> {
    await this.#connection?.closed?.();
  }
}

/** What names one session in the guest from outside. */
export interface SessionRecord {
  readonly bootId: string;
  readonly token: string;
}

/**
 * Ends a session over a connection of its own, whatever became of the first: afterwards nothing of it stands still.
 * Resolves when the guest said so.
 */
export async function releaseByRecord(
  context: GuestContext,
  connect: Connect,
  { bootId, token }: SessionRecord,
  signal: AbortSignal,
): Promise<EventOf<'released'>> {
  const connection = await connect(signal);
  try {
    const facts = new HelperFacts();
    await connection.run(helperCommand(context.settings, ['release', bootId, token]), facts, signal);
    const answer = await facts.waitFor(() => {
      const failed = facts.last('failed');
      if (failed) return releaseFailed(context, failed);
      if (!facts.end) return facts.last('released');
      return (
        facts.last('released') ?? (facts.count === 0 ? helperNeverSpoke : helperEnded)(context, facts.end, 'unknown')
      );
    }, signal);
    if (answer instanceof SnaphookError) throw answer;
    return answer;
  } finally {
    connection.close();
    // What is left of this question ends by itself; the answer counts.
    await connection.closed?.().catch(() => undefined);
  }
}

const releaseFailed = ({ name }: GuestContext, { object, message }: EventOf<'failed'>): SnaphookError => {
  const what = object === '' ? message : `"${object}" ${message}`;
  return new SnaphookError('E_GUEST', `guest "${name}" could not end a session by its record: ${what}`, {
    hint:
      'It may stand still until somebody thaws it. Look at /run/snaphook in the guest; remove the obstacle and try again, or ' +
      'thaw what the record names by `fsfreeze --unfreeze`.',
    effect: 'unknown',
  });
};
