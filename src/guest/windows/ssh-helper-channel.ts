import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { withDeadline } from '../deadline.ts';
import type { RemoteEnd, RemoteProgram, SshConnection } from '../ssh/ssh-connection.ts';
import type { SshConnect } from '../ssh/ssh-connector.ts';
import { SshError } from '../ssh/ssh-error.ts';
import type { HelperFacts } from './helper-facts.ts';
import type { HelperTransport } from './helper-transport.ts';
import { endProcess, listProcesses, processesIn } from './process-script.ts';
import { openSshCommands } from './ssh-commands.ts';
import { commandLineFor, defaultShellOf } from './ssh-shell.ts';
import type { WindowsCommands } from './windows-commands.ts';

/** What names a helper in the guest from outside. */
export interface HelperRecord {
  readonly helperPath: string;
  /** Number and time of its start. */
  readonly process: string;
}

/** How long a helper may take to its first line. */
const HELLO_LIMIT_MS = 30_000;
/** How long the end of a helper may take over one connection. */
const END_LIMIT_MS = 8000;

/**
 * The helper on one SSH connection, and a second, warm one that can end its process when nothing goes over the first any more. A
 * connection that this side closes ends the helper's input, and a helper without input lets go; but whether the guest has heard of
 * the close, only the second connection can tell.
 */
export class SshHelperChannel implements HelperTransport {
  readonly #connect: SshConnect;
  readonly #clock: Clock;
  readonly #facts: HelperFacts;
  readonly #life = new AbortController();
  #connection: SshConnection | undefined;
  #program: RemoteProgram | undefined;
  #spare: WindowsCommands | undefined;
  #record: HelperRecord | undefined;

  constructor(connect: SshConnect, clock: Clock, facts: HelperFacts) {
    this.#connect = connect;
    this.#clock = clock;
    this.#facts = facts;
  }

  async start(
    helperPath: string,
    onSession: (resume: Readonly<Record<string, string>>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    // One after the other: a wrong password must not count twice against the account.
    const connection = await this.#connect(signal);
    this.#connection = connection;
    const shell = await defaultShellOf(connection, signal);
    const spare = await openSshCommands(this.#connect, signal);
    this.#spare = spare;
    const running = async () => processesIn(helperPath, await spare.run(listProcesses(helperPath), signal));
    const before = await running();
    const line = commandLineFor(shell, { path: helperPath, arguments: ['serve'] });
    const facts = this.#facts;
    this.#program = await connection.run(
      line,
      {
        stdout: (data) => facts.addOutput(data, Buffer.alloc(0)),
        stderr: (data) => facts.addOutput(Buffer.alloc(0), data),
        ended: (end) => this.#ended(end),
      },
      signal,
    );
    // One that has ended needs no record, and what is no helper is told by who asked for it.
    if (!(await this.#hasSpoken(helperPath, signal))) return;
    const [process, ...others] = (await running()).filter((candidate) => !before.includes(candidate));
    if (process === undefined || others.length > 0) throw whichIsOurs(helperPath);
    this.#record = { helperPath, process };
    await onSession({ ...this.#record });
  }

  get canSend(): boolean {
    return this.#program !== undefined && this.#facts.end === undefined && (this.#connection?.isOpen ?? false);
  }

  async send(data: Buffer): Promise<void> {
    if (!this.#program) throw new SshError({ kind: 'disconnected', reason: 'the helper was not started' });
    this.#program.write(data);
  }

  /** There is one way to the helper's input: bytes go on it at once, and none of them waits for an answer. */
  async sendUrgently(data: Buffer): Promise<void> {
    await this.send(data);
  }

  /** What the helper says comes on its own connection alone. */
  async receiveAgain(): Promise<void> {
    if (!this.#connection?.isOpen) throw new SshError({ kind: 'disconnected', reason: 'the connection is closed' });
  }

  async endShell(): Promise<void> {
    const record = this.#record;
    if (!record) return;
    const late = () => new SshError({ kind: 'disconnected', reason: `no answer in ${END_LIMIT_MS} ms` });
    await withDeadline(this.#clock, END_LIMIT_MS, this.#life.signal, late, async (signal) => {
      try {
        await endHelper(await this.#ready(signal), record, signal);
      } catch (thrown) {
        await this.#dropSpare();
        throw thrown;
      }
    });
    this.#record = undefined;
    this.#facts.shellGone();
  }

  async dispose(signal: AbortSignal): Promise<void> {
    const abandon = () => this.#closeConnections();
    signal.addEventListener('abort', abandon, { once: true });
    try {
      const isOver = this.#facts.end?.kind === 'exited';
      if (this.#record && !isOver) {
        signal.throwIfAborted();
        await this.endShell();
      }
    } finally {
      signal.removeEventListener('abort', abandon);
      this.#closeConnections();
    }
  }

  async #hasSpoken(helperPath: string, signal: AbortSignal): Promise<boolean> {
    const facts = this.#facts;
    const late = () =>
      new SnaphookError('E_GUEST_HELPER', `"${helperPath}" said nothing in ${HELLO_LIMIT_MS} ms`, {
        hint: 'Check that helperPath names the snaphook VSS helper, and that the guest is not overloaded.',
      });
    const isOver = () => facts.end !== undefined || facts.lost !== undefined || facts.violation !== undefined;
    return await withDeadline(this.#clock, HELLO_LIMIT_MS, signal, late, (limit) =>
      facts.waitFor(() => (facts.last('hello') ? true : isOver() ? false : undefined), limit),
    );
  }

  #ended(end: RemoteEnd): void {
    if (end.kind === 'exited') this.#facts.exited(end.exitCode);
    else if (!this.#life.signal.aborted) {
      this.#facts.connectionLost(new SshError({ kind: 'disconnected', reason: end.reason }));
    }
  }

  async #ready(signal: AbortSignal): Promise<WindowsCommands> {
    this.#spare ??= await openSshCommands(this.#connect, signal);
    return this.#spare;
  }

  async #dropSpare(): Promise<void> {
    const broken = this.#spare;
    this.#spare = undefined;
    await broken?.close();
  }

  #closeConnections(): void {
    this.#life.abort(new SshError({ kind: 'disconnected', reason: 'the session was closed' }));
    this.#connection?.close();
    void this.#dropSpare();
  }
}

/** Ends the helper's process; one that is gone already is success. */
export async function endHelper(
  commands: WindowsCommands,
  { helperPath, process }: HelperRecord,
  signal: AbortSignal,
): Promise<void> {
  const left = processesIn(helperPath, await commands.run(endProcess(helperPath, process), signal));
  if (!left.includes(process)) return;
  throw new SnaphookError('E_GUEST', `process ${process} of "${helperPath}" did not end in the guest`, {
    hint: 'End it in the guest: taskkill /F /PID with the first number.',
    effect: 'unknown',
  });
}

const whichIsOurs = (helperPath: string): SnaphookError =>
  new SnaphookError('E_GUEST', `another process of "${helperPath}" was started in the guest at the same moment`, {
    hint: 'Another program works with the same VSS helper; try again when it is done.',
    retry: 'safe',
  });
