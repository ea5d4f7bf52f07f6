/** What a program running in a remote shell sees. */
export interface ProgramIo {
  /** Everything after the program's name, as typed. */
  readonly arguments: string;
  /** `COMPUTER\user` it runs as. */
  readonly account: string;
  readonly environment: ReadonlyMap<string, string>;
  readonly stdin: ProgramInput;
  /** Text is converted to the shell's code page; bytes go as they are. */
  write(stream: 'stdout' | 'stderr', data: string | Buffer): void;
  /** Aborted when the process is killed: terminate, control-C, or the end of its shell. */
  readonly killed: AbortSignal;
}

/** Runs to its exit code. */
export type Program = (io: ProgramIo) => Promise<number>;

/** Standard input: bytes wait until the program reads. */
export class ProgramInput {
  #pending: Buffer[] = [];
  #ended = false;
  #reader: { data(bytes: Buffer): void; end(): void } | undefined;

  push(bytes: Buffer): void {
    if (this.#ended || bytes.length === 0) return;
    if (this.#reader) this.#reader.data(bytes);
    else this.#pending.push(bytes);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader?.end();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Attaches the one reader: it gets what waits, then everything as it comes. */
  attach(reader: { data(bytes: Buffer): void; end(): void }): void {
    this.#reader = reader;
    const pending = this.#pending;
    this.#pending = [];
    for (const bytes of pending) reader.data(bytes);
    if (this.#ended) reader.end();
  }
}
