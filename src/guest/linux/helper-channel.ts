import { SnaphookError } from '../../ports/errors.ts';
import type { RemoteProgram, SshConnection } from '../ssh/ssh-connection.ts';
import type { Connect } from '../ssh/ssh-connector.ts';
import { SshError } from '../ssh/ssh-error.ts';
import { type GuestContext, helperEnded, helperNeverSpoke } from './guest-errors.ts';
import { type EventOf, HelperFacts } from './helper-facts.ts';
import { helperCommand, serveArguments } from './helper-lines.ts';

/** The helper on one SSH connection that stays open from the preparation to the end: freeze and thaw open nothing. */
export class HelperChannel {
  readonly #connect: Connect;
  readonly #facts: HelperFacts;
  #connection: SshConnection | undefined;
  #program: RemoteProgram | undefined;

  constructor(connect: Connect, facts: HelperFacts) {
    this.#connect = connect;
    this.#facts = facts;
  }

  async start(context: GuestContext, signal: AbortSignal): Promise<void> {
    this.#connection = await this.#connect(signal);
    this.#program = await this.#connection.run(
      helperCommand(context.settings, serveArguments(context.settings)),
      this.#facts,
      signal,
    );
  }

  get canSend(): boolean {
    return this.#program !== undefined && this.#facts.end === undefined && (this.#connection?.isOpen ?? false);
  }

  /** One write on the open channel. @throws SshError `disconnected` when it is not open any more. */
  send(data: Buffer): void {
    if (!this.#program) throw new SshError({ kind: 'disconnected', reason: 'the helper was not started' });
    this.#program.write(data);
  }

  /** Ends the connection, and with it the input of a helper that still runs: it thaws and ends. */
  close(): void {
    this.#connection?.close();
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
