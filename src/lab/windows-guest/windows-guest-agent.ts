import { randomBytes } from 'node:crypto';
import { AgentProcesses } from '../guest/agent-processes.ts';
import { AgentFault, type AgentProcess, type GuestAgent } from '../guest/guest-agent.ts';
import { ProgramInput } from '../guest/program.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import type { ProgramFinder } from './command-line.ts';
import { accountName, findUser, type GuestUser } from './guest-accounts.ts';
import { FileRefusal, type GuestFiles } from './guest-files.ts';

/** CreateProcess takes no longer command line. */
const MOST_CHARACTERS = 32_767;
const TERMINATED = 1;

/** What a test may turn to make VMware Tools of a Windows guest slow. Times are simulated milliseconds. */
export class ToolsKnobs {
  /** How long each guest operation takes. */
  toolsMs = 5;
  /** VMware Tools writes a log on C: with each operation: while that is held, it waits. */
  toolsWriteLogs = false;
}

interface WindowsGuestAgentParts {
  readonly guestName: string;
  readonly hostName: string;
  readonly users: readonly GuestUser[];
  readonly files: GuestFiles;
  readonly findProgram: ProgramFinder;
  /** Resolves when writes to the volume of that path are not held. */
  readonly whenWritable: (path: string) => Promise<void>;
  readonly pace: Pace;
  readonly events: EventLog;
}

/** VMware Tools of the simulated Windows guest: it starts programs without a shell, their standard handles closed, and moves files. */
export class WindowsGuestAgent implements GuestAgent {
  readonly family = 'windows';
  readonly knobs = new ToolsKnobs();
  readonly #parts: WindowsGuestAgentParts;
  readonly #processes: AgentProcesses;

  constructor(parts: WindowsGuestAgentParts) {
    this.#parts = parts;
    this.#processes = new AgentProcesses(parts, { first: 6000, step: 4 });
  }

  takes(username: string, password: string): boolean {
    return this.#userOf(username)?.password === password;
  }

  async atWork(): Promise<void> {
    await this.#parts.pace.wait(this.knobs.toolsMs);
    if (this.knobs.toolsWriteLogs) await this.#parts.whenWritable('C:\\');
  }

  /** The guest starts again: no process is left. */
  restart(): void {
    this.#processes.restart();
  }

  async start(program: { readonly path: string; readonly arguments: string }, username: string): Promise<number> {
    const { hostName, findProgram } = this.#parts;
    const user = this.#userOf(username);
    if (!user) throw new AgentFault('GuestPermissionDenied', program.path);
    const line = `"${program.path}" ${program.arguments}`;
    if (line.length > MOST_CHARACTERS) throw new AgentFault('CannotAccessFile', program.path);
    const account = accountName(user, hostName);
    const environment = new Map<string, string>();
    const found = findProgram(line, { throughCmd: false, quoting: 'quoted', environment, account });
    if (!found) throw new AgentFault('FileNotFound', program.path);
    const kill = new AbortController();
    const stdin = new ProgramInput();
    stdin.end();
    const killed = new Promise<number>((resolve) =>
      kill.signal.addEventListener('abort', () => resolve(TERMINATED), { once: true }),
    );
    const io = {
      arguments: found.arguments,
      account,
      environment,
      stdin,
      write: () => undefined,
      killed: kill.signal,
    };
    const name = program.path.slice(program.path.lastIndexOf('\\') + 1);
    const end = Promise.race([found.program(io), killed]);
    return this.#processes.add({ name, owner: account, cmdLine: line }, end, () => kill.abort());
  }

  processes(pids: readonly number[]): readonly AgentProcess[] {
    return this.#processes.list(pids);
  }

  terminate(pid: number): void {
    this.#processes.terminate(pid);
  }

  async makeTemporaryFolder(parent: string, prefix: string, suffix: string): Promise<string> {
    const folder = parent || this.temporaryFolder;
    const path = `${folder}\\${prefix}vmware${randomBytes(3).toString('hex')}${suffix}`;
    // The account's own is there already.
    if (folder !== this.temporaryFolder) this.#requireFolder(folder);
    await this.#changed(path, (files) => files.makeFolder(path));
    return path;
  }

  /** %TEMP% of the account. */
  readonly temporaryFolder = 'C:\\Users\\backup account\\AppData\\Local\\Temp';

  async makeFolder(path: string, withParents: boolean): Promise<void> {
    if (this.#parts.files.isFolder(path)) throw new AgentFault('FileAlreadyExists', path);
    if (!withParents) this.#requireFolder(parentOf(path));
    await this.#changed(path, (files) => files.makeFolder(path));
  }

  async deleteFolder(path: string, withContent: boolean): Promise<void> {
    const { files } = this.#parts;
    this.#requireFolder(path);
    if (!withContent && files.below(path).length > 0) throw new AgentFault('DirectoryNotEmpty', path);
    await this.#changed(path, () => files.removeFolder(path));
  }

  readFile(path: string): Buffer {
    const content = this.#parts.files.read(path);
    if (!content) throw new AgentFault('FileNotFound', path);
    return content;
  }

  async writeFile(path: string, content: Buffer, overwrite: boolean): Promise<void> {
    if (this.#parts.files.read(path) && !overwrite) throw new AgentFault('FileAlreadyExists', path);
    this.#requireFolder(parentOf(path));
    await this.#changed(path, (files) => files.write(path, content));
  }

  async deleteFile(path: string): Promise<void> {
    this.readFile(path);
    await this.#changed(path, (files) => files.remove(path));
  }

  #requireFolder(path: string): void {
    if (!this.#parts.files.isFolder(path)) throw new AgentFault('FileNotFound', path);
  }

  async #changed(path: string, change: (files: GuestFiles) => void): Promise<void> {
    await this.#parts.whenWritable(path);
    try {
      change(this.#parts.files);
    } catch (error) {
      if (error instanceof FileRefusal) throw new AgentFault('CannotAccessFile', path);
      throw error;
    }
  }

  /** `DOMAIN\user`, `user@domain`, or a name of this guest. */
  #userOf(username: string): GuestUser | undefined {
    const { users, hostName } = this.#parts;
    const [, domain, name = ''] = /^(?:([^\\]*)\\)?(.*)$/s.exec(username) ?? [];
    const at = domain === undefined ? name.lastIndexOf('@') : -1;
    if (at >= 0) return findUser(users, hostName, name.slice(at + 1), name.slice(0, at));
    return findUser(users, hostName, domain ?? '', name);
  }
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('\\'));
