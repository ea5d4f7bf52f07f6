import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const KEPT_LINES = 30;
const END_LIMIT_MS = 10_000;

/** A running QEMU whose console is its standard output. It ends with this process, however that ends. */
export class QemuProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  /** The newest lines of the console and of QEMU itself. */
  readonly #said: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  #running = true;

  constructor(args: readonly string[]) {
    // The kernel ends QEMU when its parent dies: a killed test run leaves no guest behind.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#heard(line));
    }
    this.#ended = new Promise((resolve) => {
      const ended = (how: unknown) => {
        this.#running = false;
        this.#heard(`QEMU has ended: ${how}`);
        resolve();
      };
      this.#child.once('error', ended).once('close', ended);
    });
  }

  /** All console lines up to the one that `isLast`. Fails when QEMU ends, when one says so, or after the time limit. */
  async linesUntil(isLast: (line: string) => boolean, isFailure: (line: string) => boolean, limitMs: number) {
    const lines: string[] = [];
    let listener: (line: string) => void = () => undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (why: string) => reject(new Error(`${why}; the console said:\n${this.#said.join('\n')}`));
        timer = setTimeout(() => fail(`the guest was not up after ${limitMs} ms`), limitMs);
        listener = (line) => {
          lines.push(line);
          if (isLast(line)) resolve();
          else if (!this.#running) fail('the guest ended');
          else if (isFailure(line)) fail('the guest failed');
        };
        this.#listeners.add(listener);
        this.#said.forEach(listener);
      });
      return lines;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(listener);
    }
  }

  /** Resolves when it is gone. */
  async end(): Promise<void> {
    if (!this.#running) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_LIMIT_MS);
    await this.#ended.finally(() => clearTimeout(timer));
  }

  #heard(line: string): void {
    const text = line.trim();
    this.#said.push(text);
    if (this.#said.length > KEPT_LINES) this.#said.shift();
    for (const listener of this.#listeners) listener(text);
  }
}
