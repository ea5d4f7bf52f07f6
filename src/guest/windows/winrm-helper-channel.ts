import type { Clock } from '../../ports/clock.ts';
import { withDeadline } from '../deadline.ts';
import type { HelperFacts } from './helper-facts.ts';
import type { HelperTransport } from './helper-transport.ts';
import type { WinRmConnection } from './winrm/connection.ts';
import {
  type CommandIds,
  createShell,
  deleteShell,
  receiveOutput,
  sendInput,
  startProgram,
  terminateCommand,
} from './winrm/shell.ts';
import { faultKindOf, WinRmError } from './winrm/winrm-error.ts';

export interface ChannelOptions {
  readonly connect: (signal?: AbortSignal) => Promise<WinRmConnection>;
  readonly clock: Clock;
  readonly facts: HelperFacts;
  readonly operationTimeoutMs: number;
}

/** A shell nobody calls any more ends itself after this time, and its helper with it. */
const SHELL_IDLE_TIMEOUT_MS = 180_000;
/** How long a last call to a shell may take before it is tried on a new connection. */
const TERMINATE_LIMIT_MS = 5000;

/**
 * The helper program in a remote shell, with two warm connections: one always waits in Receive, the other sends.
 * So nothing has to be opened between freeze and thaw, and a thaw can leave while a Receive hangs.
 */
export class WinRmHelperChannel implements HelperTransport {
  readonly #options: ChannelOptions;
  readonly #life = new AbortController();
  #sender: WinRmConnection | undefined;
  #receiver: WinRmConnection | undefined;
  #replacing: Promise<WinRmConnection> | undefined;
  #restarting: Promise<void> | undefined;
  #lastSend: Promise<void> = Promise.resolve();
  #shellId: string | undefined;
  #commandId: string | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** Opens both connections, the shell and the helper; the record of the session holds the `shellId`. */
  async start(
    helperPath: string,
    onSession: (resume: Readonly<Record<string, string>>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const limits = { operationTimeoutMs: this.#options.operationTimeoutMs, signal };
    // One after the other: a wrong password must not count twice against the account.
    const sender = await this.#options.connect(signal);
    this.#sender = sender;
    this.#shellId = await createShell(sender, SHELL_IDLE_TIMEOUT_MS, limits);
    await onSession({ shellId: this.#shellId });
    this.#commandId = await startProgram(sender, this.#shellId, { path: helperPath, arguments: ['serve'] }, limits);
    const receiver = await this.#options.connect(signal);
    void this.#receive(receiver);
  }

  get canSend(): boolean {
    return this.#sender?.isOpen ?? false;
  }

  async send(data: Buffer): Promise<void> {
    // A release that was said again on a new connection may have been heard before that is open: then what comes next waits for it.
    await this.#replacing?.catch(() => undefined);
    const sender = this.#sender;
    if (!sender?.isOpen) throw new WinRmError({ kind: 'disconnected', reason: 'the connection was closed' });
    await this.#sendOn(sender, data);
  }

  /** Nobody waits longer for order than for a guest that stands still. */
  async sendUrgently(data: Buffer, graceMs: number): Promise<void> {
    const sender = await this.#readySender(graceMs);
    await this.#sendOn(sender, data);
  }

  async receiveAgain(): Promise<void> {
    this.#restarting ??= this.#restartReceiving().finally(() => {
      this.#restarting = undefined;
    });
    await this.#restarting;
  }

  async endShell(): Promise<void> {
    if (this.#shellId === undefined) return;
    const shellId = this.#shellId;
    const sender = await this.#readySender(0);
    await this.#limited((signal) =>
      deleteShell(sender, shellId, { operationTimeoutMs: this.#options.operationTimeoutMs, signal }),
    );
    this.#shellId = undefined;
    this.#options.facts.shellGone();
  }

  async dispose(signal: AbortSignal): Promise<void> {
    const abandon = () => this.#closeConnections();
    signal.addEventListener('abort', abandon, { once: true });
    try {
      if (this.#shellId !== undefined) {
        // Out of time before it was even asked for is not the end of the shell: the caller must not take it for one.
        signal.throwIfAborted();
        if (this.#commandId !== undefined && this.#options.facts.end === undefined) await this.#terminate();
        await this.endShell();
      }
    } finally {
      signal.removeEventListener('abort', abandon);
      this.#closeConnections();
    }
  }

  async #terminate(): Promise<void> {
    const sender = await this.#readySender(0);
    // Whatever it answers, deleting the shell comes next and is what counts.
    await this.#limited((signal) =>
      terminateCommand(sender, this.#ids(), { operationTimeoutMs: this.#options.operationTimeoutMs, signal }),
    ).catch(() => undefined);
  }

  #closeConnections(): void {
    this.#life.abort(new WinRmError({ kind: 'disconnected', reason: 'the session was closed' }));
    this.#sender?.close();
    this.#receiver?.close();
  }

  #ids(): CommandIds {
    if (this.#shellId === undefined || this.#commandId === undefined) {
      throw new WinRmError({ kind: 'disconnected', reason: 'the helper was not started' });
    }
    return { shellId: this.#shellId, commandId: this.#commandId };
  }

  #limited<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const late = () => new WinRmError({ kind: 'timeout', timeoutMs: TERMINATE_LIMIT_MS });
    return withDeadline(this.#options.clock, TERMINATE_LIMIT_MS, this.#life.signal, late, work);
  }

  async #sendOn(sender: WinRmConnection, data: Buffer): Promise<void> {
    const limits = { operationTimeoutMs: this.#options.operationTimeoutMs, signal: this.#life.signal };
    const sent = sendInput(sender, this.#ids(), data, limits);
    this.#lastSend = sent.catch((thrown: unknown) => {
      if (faultKindOf(thrown) === 'shell-gone') this.#options.facts.shellGone();
    });
    await sent;
  }

  async #readySender(graceMs: number): Promise<WinRmConnection> {
    const sender = this.#sender;
    if (sender?.isOpen && sender.isBusy && graceMs > 0) {
      const grace = new AbortController();
      await Promise.race([this.#lastSend, this.#options.clock.sleep(graceMs, grace.signal).catch(() => undefined)]);
      grace.abort();
    }
    if (sender?.isOpen && !sender.isBusy) return sender;
    this.#replacing ??= this.#replaceSender().finally(() => {
      this.#replacing = undefined;
    });
    return await this.#replacing;
  }

  async #replaceSender(): Promise<WinRmConnection> {
    this.#sender?.close();
    const sender = await this.#options.connect(this.#life.signal);
    this.#sender = sender;
    return sender;
  }

  async #restartReceiving(): Promise<void> {
    const broken = this.#receiver;
    this.#receiver = undefined;
    broken?.close();
    const receiver = await this.#options.connect(this.#life.signal);
    this.#options.facts.receivingAgain();
    void this.#receive(receiver);
  }

  /** Asks for output again and again until the program or the connection ends. Never rejects. */
  async #receive(receiver: WinRmConnection): Promise<void> {
    this.#receiver = receiver;
    const { facts } = this.#options;
    const limits = { operationTimeoutMs: this.#options.operationTimeoutMs, signal: this.#life.signal };
    try {
      for (;;) {
        const output = await receiveOutput(receiver, this.#ids(), limits);
        facts.addOutput(output.stdout, output.stderr);
        if (output.state.kind === 'done') {
          facts.exited(output.state.exitCode);
          return;
        }
      }
    } catch (thrown) {
      // A receiver that was replaced on purpose has nothing to report.
      if (this.#life.signal.aborted || this.#receiver !== receiver) return;
      if (faultKindOf(thrown) === 'shell-gone') facts.shellGone();
      else facts.connectionLost(thrown);
    }
  }
}
