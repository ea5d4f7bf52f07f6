import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { FreezeHelperEvent } from '../../src/guest/linux/freeze-helper-protocol.ts';
import type { LoopDisk } from './loop-disk.ts';
import { helperProgram, safeFolder } from './stage.ts';

type EventName = FreezeHelperEvent['event'];
type EventOf<Name extends EventName> = Extract<FreezeHelperEvent, { event: Name }>;

const ANSWER_MS = 15_000;
const running = new Set<HelperProcess>();

/** What a record names. */
export interface Recorded {
  readonly keeper: number;
  readonly watchdog: number;
  readonly thawer: number;
  readonly freezer: number;
}

export class HelperProcess {
  readonly #child: ChildProcess;
  readonly #events: FreezeHelperEvent[] = [];
  readonly #waiting = new Set<() => void>();
  readonly ended: Promise<number | null>;
  #closed = false;
  #stderr = '';

  constructor(program: string = helperProgram, args: readonly string[] = ['serve']) {
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#child;
    if (stdin === null || stdout === null || stderr === null) throw new Error('the helper has no pipes');
    stdin.on('error', () => {});
    stdout.on('error', () => {});
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    createInterface({ input: stdout }).on('line', (line) => {
      // The tests compare what matters of it; a helper that prints something else fails there.
      this.#events.push(JSON.parse(line) as FreezeHelperEvent);
      this.#wake();
    });
    this.ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.once('close', () => {
      this.#closed = true;
      running.delete(this);
      this.#wake();
    });
    running.add(this);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  say(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** The client is gone: nobody writes, and nobody reads. */
  hangUp(): void {
    this.#child.stdin?.destroy();
    this.#child.stdout?.destroy();
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** The next event; undefined when the helper ended without one. */
  async next(): Promise<FreezeHelperEvent | undefined> {
    const endMs = performance.now() + ANSWER_MS;
    while (this.#events.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, ANSWER_MS);
        this.#waiting.add(wake);
      });
      if (performance.now() > endMs) throw new Error(`the helper is silent. ${this.#stderr}`);
    }
    return this.#events.shift();
  }

  async expect<Name extends EventName>(name: Name): Promise<EventOf<Name>> {
    const event = await this.next();
    if (event?.event !== name) throw new Error(`${name} was expected, not ${JSON.stringify(event)}. ${this.#stderr}`);
    // `event` is its discriminator.
    return event as EventOf<Name>;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  static killAll(): void {
    for (const helper of running) {
      helper.hangUp();
      helper.kill();
    }
  }
}

export interface Terms {
  readonly leaseMs?: number;
  readonly lifeMs?: number;
  readonly scriptMs?: number;
  readonly scripts?: string;
}

export const prepareLine = ({ leaseMs = 5000, lifeMs = 60_000, scriptMs = 5000, scripts = '-' }: Terms = {}): string =>
  `prepare ${leaseMs} ${lifeMs} ${scriptMs} ${scripts}\n`;

export const fileSystemLine = ({ device, mountPoint }: LoopDisk): string => `filesystem ${device} ${mountPoint}\n`;

/** A helper that has been told everything up to `ready`, and its greeting. */
export async function toldReady(
  disks: readonly LoopDisk[],
  terms: Terms = {},
): Promise<{ helper: HelperProcess; hello: EventOf<'hello'> }> {
  // As root allows it who keeps scripts elsewhere: those of the suites lie in a folder of theirs.
  const helper = new HelperProcess(helperProgram, ['serve', '--scripts', safeFolder]);
  const hello = await helper.expect('hello');
  helper.say(`${prepareLine(terms)}${disks.map(fileSystemLine).join('')}ready\n`);
  return { helper, hello };
}

export async function readyHelper(disks: readonly LoopDisk[], terms: Terms = {}) {
  const { helper, hello } = await toldReady(disks, terms);
  return { helper, hello, ready: await helper.expect('ready'), recorded: recordOf(hello.token) };
}

export async function frozenHelper(disks: readonly LoopDisk[], terms: Terms = {}) {
  const session = await readyHelper(disks, terms);
  session.helper.say('freeze\n');
  return { ...session, frozen: await session.helper.expect('frozen') };
}

export const recordFile = (token: string): string => `/run/snaphook/${token}`;

export const hasRecord = (token: string): boolean => existsSync(recordFile(token));

export function recordOf(token: string): Recorded {
  const text = readFileSync(recordFile(token), 'utf8');
  const pid = (role: string): number => Number(new RegExp(`^${role} (\\d+) `, 'm').exec(text)?.[1]);
  return { keeper: pid('keeper'), watchdog: pid('watchdog'), thawer: pid('thawer'), freezer: pid('freezer') };
}

/** The letter of its state in /proc (proc_pid_stat(5)); undefined when there is no such process. */
export function stateOf(pid: number): string | undefined {
  try {
    return /^\d+ \(.*\) (\w)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** Gone, or a zombie that nobody has asked for yet. */
export const isDead = (pid: number): boolean => ['Z', 'X', undefined].includes(stateOf(pid));

/** SIGKILL; false when there is no such process any more. */
export function killed(pid: number): boolean {
  if (isDead(pid)) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** `snaphook-freeze release`: what it printed. */
export async function release(bootId: string, token: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(helperProgram, ['release', bootId, token], { timeout: 40_000 });
  return JSON.parse(stdout);
}
