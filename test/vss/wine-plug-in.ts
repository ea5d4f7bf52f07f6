import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { until } from '../contract/guest.ts';
import { PROGRAMS } from './wine-program.ts';

const ANSWER_WITHIN_MS = 60_000;

/** Wine's own drive: its folders are this account's alone, unlike those that a temporary folder lies in. */
const drive = () => path.join(process.env.WINEPREFIX ?? '', 'drive_c');

/** As Wine names its drives. */
export const volumeOf = (letter: string) =>
  `\\\\?\\Volume{00000000-0000-0000-0000-0000000000${letter.charCodeAt(0).toString(16)}}\\`;

const wine = (...words: string[]) => spawnSync('wine', words, { encoding: 'utf8' });

/** Empty of one that has ended meanwhile. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** A plug-in where the helper has it, its settings, and a client with its server beside it that stand in for a product. */
export class PlugInPlace {
  readonly folder: string;
  readonly #name: string;
  readonly #client: string;
  readonly #running = new Set<ChildProcess>();

  /** `folder`: the helper's, in Wine's drive C; otherwise one of its own. */
  constructor(name: string, client: string, folder = mkdtempSync(path.join(drive(), 'snaphook-'))) {
    this.folder = folder;
    this.#name = name;
    this.#client = client;
    for (const part of ['plug-ins.d', 'applications', 'bin'])
      mkdirSync(path.join(this.folder, part), { recursive: true });
    this.#put(`plug-ins/${name}.exe`, `plug-ins.d/${name}.exe`);
    this.#put('database-client.exe', `bin/${client}`);
    writeFileSync(this.file('bin/server.txt'), '');
  }

  /** On this machine. */
  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** As Windows names it. */
  windowsPath(name: string): string {
    return `C:\\${path.basename(this.folder)}\\${name.replaceAll('/', '\\')}`;
  }

  get settingsFile(): string {
    return this.file(`applications/${this.#name}.conf`);
  }

  settings(...lines: readonly string[]): void {
    writeFileSync(this.settingsFile, lines.map((line) => `${line}\r\n`).join(''));
  }

  /** The settings that name the client and these ports. */
  settingsFor(ports: readonly string[], ...more: readonly string[]): void {
    const instances = ports.map((port) => `instance ${port}`);
    this.settings(`client ${this.windowsPath(`bin/${this.#client}`)}`, ...instances, ...more);
  }

  /** From now on, until it says something else. */
  server(port: string, facts: Readonly<Record<string, string>>): void {
    for (const [word, value] of Object.entries(facts))
      appendFileSync(this.file('bin/server.txt'), `${port}.${word}=${value}\n`);
  }

  /** A directory with this name, as Windows names it. */
  directory(name: string): string {
    mkdirSync(this.file(name), { recursive: true });
    return this.windowsPath(name);
  }

  /** What clients were called with and told, line by line. */
  log(): readonly string[] {
    const file = this.file('bin/log.txt');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  }

  /** Whether a session has the lock of the server with this port, which ends with it. */
  isLocked(port: string): boolean {
    return existsSync(this.file(`bin/${port}.held`));
  }

  /** How often the server with this port is locked; that outlives its session. */
  locks(port: string): number {
    const file = this.file(`bin/${port}.locks`);
    return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8') || '0', 10) : 0;
  }

  /** Ends the client that was told this. */
  killClient(told: string): void {
    const line = this.log().find((entry) => entry.endsWith(told));
    wine('taskkill', '/f', '/pid', line?.split(' ')[0] ?? '');
  }

  /** Ends the process that keeps the session with this port. A program under Wine is a process of this machine, too. */
  killKeeper(port: string): void {
    const isKeeper = (pid: string) => {
      const words = commandOf(pid).split('\0');
      return words[0]?.includes(path.basename(this.folder)) && words[1] === 'session' && words[2] === port;
    };
    const pid = readdirSync('/proc').find((entry) => /^\d+$/.test(entry) && isKeeper(entry));
    process.kill(Number(pid), 'SIGKILL');
  }

  /** A service of Windows that runs, whose program lies beside the client under this name, and what ends it. */
  async startService(program: string): Promise<() => void> {
    this.#put('database-service.exe', `bin/${program}`);
    const name = `${path.basename(this.folder)}-${program}`;
    wine('sc', 'create', name, 'binPath=', `"${this.windowsPath(`bin/${program}`)}" --of-a-test`, 'start=', 'demand');
    wine('sc', 'start', name);
    const isRunning = () => wine('sc', 'query', name).stdout.includes('RUNNING');
    await until(isRunning, `the service ${name} runs`, ANSWER_WITHIN_MS);
    return () => {
      wine('sc', 'stop', name);
      wine('sc', 'delete', name);
    };
  }

  start() {
    const child = spawn('wine', [this.file(`plug-ins.d/${this.#name}.exe`), 'serve'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#running.add(child);
    child.stdin.on('error', () => undefined);
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    const ask = async (command: object): Promise<unknown> => {
      const before = lines.length;
      child.stdin.write(`${JSON.stringify(command)}\n`);
      await until(() => lines.length > before, `an answer to ${JSON.stringify(command)}`, ANSWER_WITHIN_MS);
      return JSON.parse(lines[before] ?? 'null');
    };
    return { ask, exited, endInput: () => void child.stdin.end(), kill: () => void child.kill('SIGKILL') };
  }

  async close(): Promise<void> {
    for (const child of this.#running) {
      const ended = child.exitCode ?? child.signalCode ?? once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #put(program: string, name: string): void {
    copyFileSync(path.join(PROGRAMS, program), this.file(name));
  }
}
