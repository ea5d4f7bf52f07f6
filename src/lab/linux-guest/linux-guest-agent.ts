import { AgentProcesses } from '../guest/agent-processes.ts';
import { AgentFault, type AgentProcess, type GuestAgent } from '../guest/guest-agent.ts';
import type { CommandIo } from '../guest/ssh-server.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import { GuestFiles } from './guest-files.ts';
import type { LinuxMachine } from './linux-machine.ts';
import type { LinuxUser } from './linux-user.ts';
import { type SimpleCommand, simpleCommand } from './simple-command.ts';

/**
 * The scripts that the lab's bash knows, as texts: what they do was proven with a real one (`test/freeze`). `session` starts a command whose
 * input is a FIFO that a second process keeps open until a line comes to another; `removal` sends that line.
 */
const SCRIPTS: Readonly<Record<string, 'session' | 'removal'>> = {
  'cd "$0" && mkfifo -m 600 in hold && exec 3<>in && { (read -r -t 3600 <>hold; rm -rf "$0") >/dev/null 2>&1 & exec /usr/bin/env "$@" <in >out 2>err 3>&-; }':
    'session',
  '[ ! -p "$0/hold" ] || echo 1<>"$0/hold"; rm -rf "$0"': 'removal',
};

interface LinuxGuestAgentParts {
  readonly guestName: string;
  readonly machine: LinuxMachine;
  readonly users: readonly LinuxUser[];
  readonly pace: Pace;
  readonly events: EventLog;
  /** Runs a command line of words to its exit code. */
  readonly run: (words: readonly string[], io: CommandIo<LinuxUser>) => Promise<number>;
}

/** VMware Tools of the simulated guest: it starts programs through bash, and moves files. */
export class LinuxGuestAgent implements GuestAgent {
  readonly family = 'linux';
  readonly files: GuestFiles;
  readonly #parts: LinuxGuestAgentParts;
  readonly #processes: AgentProcesses;

  constructor(parts: LinuxGuestAgentParts) {
    this.#parts = parts;
    this.files = new GuestFiles(parts.machine);
    this.#processes = new AgentProcesses(parts, { first: 2000, step: 1 });
  }

  takes(username: string, password: string): boolean {
    return this.#parts.users.some((user) => user.name === username && user.password === password);
  }

  async atWork(): Promise<void> {
    const { machine, pace } = this.#parts;
    await pace.wait(machine.knobs.toolsMs);
    if (machine.knobs.toolsWriteLogs) await machine.whenWritable('/var/log');
  }

  /** The machine starts again: no process is left. */
  restart(): void {
    this.#processes.restart();
    this.files.restart();
  }

  async start(program: { readonly path: string; readonly arguments: string }, username: string): Promise<number> {
    const { guestName, events, users } = this.#parts;
    const user = users.find(({ name }) => name === username);
    if (!user) throw new AgentFault('GuestPermissionDenied', program.path);
    const line = `"${program.path}" ${program.arguments}`;
    const command = simpleCommand(line);
    if (!command || !['/bin/bash', '/usr/bin/printf'].includes(program.path)) {
      events.add('guest', 'unserved', 'start program', guestName, { line });
      throw new AgentFault('FileNotFound', program.path);
    }
    const name = program.path.slice(program.path.lastIndexOf('/') + 1);
    return this.#processes.add({ name, owner: username, cmdLine: line }, this.#execute(command, user));
  }

  processes(pids: readonly number[]): readonly AgentProcess[] {
    return this.#processes.list(pids);
  }

  terminate(pid: number): void {
    this.#processes.terminate(pid);
  }

  makeTemporaryFolder(parent: string, prefix: string, suffix: string): Promise<string> {
    return this.files.makeTemporaryFolder(parent || '/tmp', prefix, suffix);
  }

  makeFolder(path: string, withParents: boolean): Promise<void> {
    return this.files.makeFolder(path, withParents);
  }

  deleteFolder(path: string, withContent: boolean): Promise<void> {
    if (!withContent && this.files.below(path).length > 0) throw new AgentFault('DirectoryNotEmpty', path);
    return this.files.remove(path);
  }

  readFile(path: string): Buffer {
    return this.files.read(path);
  }

  writeFile(path: string, content: Buffer, overwrite: boolean): Promise<void> {
    return this.files.write(path, content, overwrite);
  }

  deleteFile(path: string): Promise<void> {
    return this.files.remove(path);
  }

  async #execute({ words: [path, ...words], redirections }: SimpleCommand, user: LinuxUser): Promise<number> {
    const { guestName, events } = this.#parts;
    try {
      if (path === '/usr/bin/printf') return await this.#print(words, redirections[0]?.path);
      const [dash, script = '', folder = '', ...command] = words;
      const known = dash === '-c' ? SCRIPTS[script] : undefined;
      if (known === 'session') return await this.#session(folder, command, user);
      if (known === 'removal') return await this.#removal(folder);
      events.add('guest', 'unserved', 'bash', guestName, { script });
      return 127;
    } catch (error) {
      if (error instanceof AgentFault) return 1;
      throw error;
    }
  }

  /** `%b` understands `\\` and `\n`. The file is opened for reading and writing, and made if it is not there. */
  async #print([format, text = '']: readonly string[], path: string | undefined): Promise<number> {
    if (format !== '%b' || path === undefined) return 2;
    if (!this.files.get(path)) await this.files.create(path);
    const said = text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    await this.files.append(path, Buffer.from(said, 'latin1'));
    return 0;
  }

  async #session(folder: string, command: readonly string[], user: LinuxUser): Promise<number> {
    await this.files.makeFifo(`${folder}/in`);
    await this.files.makeFifo(`${folder}/hold`);
    await this.files.create(`${folder}/out`);
    await this.files.create(`${folder}/err`);
    const input = this.files.get(`${folder}/in`);
    const hold = this.files.get(`${folder}/hold`);
    if (input?.kind !== 'fifo' || hold?.kind !== 'fifo') throw new Error('FIFOs that were just made are there');
    const life = setTimeout(() => hold.input.push(Buffer.from('\n')), this.#parts.pace.scaledMs(3_600_000));
    life.unref();
    let over = () => {};
    const gone = new Promise<void>((resolve) => {
      over = resolve;
    });
    hold.input.attach({
      data: () => {
        clearTimeout(life);
        over();
        input.input.end();
        this.files.remove(folder).catch(() => undefined);
      },
      end: () => undefined,
    });
    // What it says to a file that stands still waits, in its order.
    let said = Promise.resolve();
    const say = (path: string, data: Buffer) => {
      said = said.then(() => this.files.append(path, data));
    };
    return await this.#parts.run(command, {
      user,
      stdin: input.input,
      stdout: (data) => say(`${folder}/out`, data),
      stderr: (text) => say(`${folder}/err`, Buffer.from(text)),
      drop: () => undefined,
      gone,
    });
  }

  async #removal(folder: string): Promise<number> {
    const hold = this.files.get(`${folder}/hold`);
    if (hold?.kind === 'fifo') hold.input.push(Buffer.from('\n'));
    if (this.files.get(folder)) await this.files.remove(folder);
    return 0;
  }
}
