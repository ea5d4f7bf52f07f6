import { randomUUID } from 'node:crypto';
import { type Program, ProgramInput, type ProgramIo } from '../guest/program.ts';
import type { Received } from './wsman-answer.ts';
import { faults } from './wsman-fault.ts';

export type OutputStream = 'stdout' | 'stderr';

export interface CommandOptions {
  readonly program: Program;
  readonly arguments: string;
  readonly account: string;
  readonly environment: ReadonlyMap<string, string>;
  readonly codePage: number;
  /** Console input comes line by line, a pipe's byte by byte. */
  readonly consoleInput: boolean;
}

/** STATUS_CONTROL_C_EXIT. */
const CONTROL_C_EXIT = 3221225786;
/** Windows hands over at most a buffer a stream and answer; it ends where it ends, not at a character. */
const CHUNK_BYTES = 4093;

/** One process in a shell, with its output waiting to be received. */
export class RemoteCommand {
  readonly id = randomUUID().toUpperCase();
  readonly #output: Record<OutputStream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  readonly #stdin = new ProgramInput();
  readonly #kill = new AbortController();
  readonly #consoleInput: boolean;
  #line = Buffer.alloc(0);
  #exitCode: number | undefined;
  #terminated = false;
  #watchers = new Set<() => void>();

  constructor(options: CommandOptions) {
    this.#consoleInput = options.consoleInput;
    const io: ProgramIo = {
      arguments: options.arguments,
      account: options.account,
      environment: options.environment,
      stdin: this.#stdin,
      killed: this.#kill.signal,
      write: (stream, data) => {
        if (this.#exitCode !== undefined) return;
        const bytes = typeof data === 'string' ? encodeText(data, options.codePage) : data;
        this.#output[stream] = Buffer.concat([this.#output[stream], bytes]);
        this.#notify();
      },
    };
    options.program(io).then(
      (exitCode) => this.#exit(exitCode),
      (error: unknown) => {
        io.write('stderr', `lab defect: ${error instanceof Error ? error.stack : String(error)}\r\n`);
        this.#exit(599);
      },
    );
  }

  get running(): boolean {
    return this.#exitCode === undefined;
  }

  send(bytes: Buffer, end: boolean): void {
    if (!this.running || this.#stdin.ended) throw faults.inputClosed();
    if (this.#consoleInput) {
      this.#line = Buffer.concat([this.#line, bytes]);
      const complete = this.#line.lastIndexOf('\n') + 1;
      this.#stdin.push(this.#line.subarray(0, complete));
      this.#line = this.#line.subarray(complete);
    } else {
      this.#stdin.push(bytes);
    }
    if (end) this.#stdin.end();
  }

  /** Ends the process as control-C does by default; its output stays to be received. */
  interrupt(): void {
    this.#kill.abort();
    this.#exit(CONTROL_C_EXIT);
  }

  /** Kills the process and gives up its output; a waiting receive is aborted. */
  terminate(): void {
    this.#terminated = true;
    this.#kill.abort();
    this.#exit(CONTROL_C_EXIT);
    this.#notify();
  }

  /** Waits for output or the end. Nothing is taken when the time passes or the caller is gone. */
  async receive(streams: readonly OutputStream[], timeoutMs: number, gone: AbortSignal): Promise<Received> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (this.#terminated) throw faults.aborted();
      const ready = this.running ? streams.some((stream) => this.#output[stream].length > 0) : true;
      if (ready && !gone.aborted) return this.#take(streams);
      const remainingMs = deadline - performance.now();
      if (remainingMs <= 0 || gone.aborted) throw faults.timedOut();
      await this.#change(remainingMs, gone);
    }
  }

  #take(streams: readonly OutputStream[]): Received {
    const chunks = streams
      .map((stream) => {
        const data = this.#output[stream].subarray(0, CHUNK_BYTES);
        this.#output[stream] = this.#output[stream].subarray(CHUNK_BYTES);
        return { stream, data };
      })
      .filter(({ data }) => data.length > 0);
    const drained = streams.every((stream) => this.#output[stream].length === 0);
    const done = drained && this.#exitCode !== undefined ? { exitCode: this.#exitCode, streams } : undefined;
    return { chunks, done };
  }

  #exit(exitCode: number): void {
    if (this.#exitCode !== undefined) return;
    this.#exitCode = exitCode;
    this.#notify();
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #change(timeoutMs: number, gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#watchers.delete(finish);
        gone.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      this.#watchers.add(finish);
      gone.addEventListener('abort', finish);
    });
  }
}

/** 65001 is UTF-8, 1252 close to Latin-1; of the OEM pages only the ASCII part is known, the rest becomes `?`. */
function encodeText(text: string, codePage: number): Buffer {
  if (codePage === 65001) return Buffer.from(text, 'utf8');
  const limit = codePage === 1252 || codePage === 28591 ? 0x100 : 0x80;
  const characters = [...text].map((character) => ((character.codePointAt(0) ?? 0) < limit ? character : '?'));
  return Buffer.from(characters.join(''), 'latin1');
}
