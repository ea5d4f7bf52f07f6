import { LEASE_SPARE_MS } from '../../guest/windows/vss-helper-protocol.ts';

/** What a plug-in writes, and the exit code when it ends after that. */
export interface PlugInSays {
  readonly output: string;
  readonly exitCode?: number;
}

/** One application plug-in, as `plug-ins.d` would hold it. */
export interface LabPlugInProgram {
  /** Its file without the ending. */
  readonly name: string;
  start(): {
    /** Of a line of its input; one that never resolves says nothing. */
    hear(line: string): Promise<PlugInSays>;
    /** The end of its input: it lets everything go on, and ends. */
    end(): void;
  };
}

/** Whoever is asked may be late, or nobody waits for the answer any more. */
export interface Patience {
  /** Rejects then. */
  of<Result>(work: Promise<Result>, limitMs: number): Promise<Result>;
}

export interface PlugInTerms {
  readonly lifeMs: number;
  readonly holdMs: number;
}

const FAILED = 1;
const NOT_IMPLEMENTED = 99;
const NO_ANSWER = -1;
/** For the answers of one phase together. */
const ROOM = 2000;

/** How a plug-in ended one phase, as the helper tells it. */
export interface PlugInAnswer {
  readonly exitCode: number;
  readonly output: string;
}

/** The process of one plug-in, from `discover` to the end of its input (docs/application-plug-ins.md). */
export class PlugInProcess {
  readonly name: string;
  readonly #process: ReturnType<LabPlugInProgram['start']>;
  /** What it wrote and nobody asked for. */
  #unasked = '';
  #exitCode: number | undefined;
  #isEnded = false;
  #output = '';

  constructor(program: LabPlugInProgram) {
    this.name = program.name;
    this.#process = program.start();
  }

  /** Whoever does not bring its application to rest meets the end of its input. */
  async quiesce(patience: Patience, budgetMs: number, { lifeMs, holdMs }: PlugInTerms): Promise<PlugInAnswer> {
    const leaseMs = lifeMs + holdMs + LEASE_SPARE_MS;
    this.#output = '';
    let code = await this.#ask(patience, budgetMs, { command: 'discover' }, '{"event":"discovered"');
    if (code === 0 || code === NOT_IMPLEMENTED) {
      const command = { command: 'quiesce', budgetMs: Math.floor(budgetMs), leaseMs };
      code = await this.#ask(patience, budgetMs, command, '{"event":"quiesced"');
    }
    if (code !== 0) this.end();
    return { exitCode: this.#exitCode === NOT_IMPLEMENTED ? NOT_IMPLEMENTED : code, output: this.#output };
  }

  async unquiesce(patience: Patience, limitMs: number, outcome: 'success' | 'failed'): Promise<PlugInAnswer> {
    // Whoever spoke unasked is not believed, and told all the same.
    const isBelieved = this.#takeUnasked() === '';
    const yes = outcome === 'success' ? '{"event":"unquiesced","held":true' : '{"event":"unquiesced"';
    this.#output = '';
    let code = await this.#ask(patience, limitMs, { command: 'unquiesce', outcome }, yes);
    if (code === 0 && !isBelieved) {
      code = FAILED;
    } else if (code === 0) {
      const verified = await this.#ask(patience, limitMs, { command: 'verify' }, '{"event":"verified"');
      code = verified === NOT_IMPLEMENTED ? 0 : verified;
    }
    this.end();
    return { exitCode: code, output: this.#output };
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#process.end();
  }

  async #ask(patience: Patience, limitMs: number, command: object, yes: string): Promise<number> {
    if (this.#takeUnasked() !== '') return FAILED;
    if (this.#exitCode !== undefined) return NO_ANSWER;
    let says: PlugInSays;
    try {
      says = await patience.of(this.#process.hear(JSON.stringify(command)), limitMs);
    } catch {
      return NO_ANSWER;
    }
    this.#exitCode = says.exitCode;
    const end = says.output.indexOf('\n') + 1;
    const line = says.output.slice(0, end);
    this.#output += (end === 0 ? says.output : line).slice(0, ROOM - this.#output.length);
    if (end === 0 || !this.#output.endsWith('\n')) return NO_ANSWER;
    this.#unasked = says.output.slice(end);
    if (line.startsWith(yes)) return 0;
    return line.startsWith('{"event":"not-implemented"') ? NOT_IMPLEMENTED : FAILED;
  }

  #takeUnasked(): string {
    const unasked = this.#unasked;
    this.#unasked = '';
    return unasked;
  }
}
