import { randomUUID } from 'node:crypto';
import type { Program } from '../guest/program.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import { accountName, type GuestUser } from './guest-accounts.ts';
import { RemoteCommand } from './remote-command.ts';
import { faults } from './wsman-fault.ts';

export interface ShellLimits {
  readonly maxShellsPerUser: number;
  readonly maxProcessesPerShell: number;
  readonly maxOperationsPerUser: number;
  readonly shellIdleTimeoutMs: number;
}

export interface ShellOptions {
  readonly codePage: number;
  readonly environment: ReadonlyMap<string, string>;
  /** Absent: the service's own. */
  readonly idleTimeoutMs: number | undefined;
}

export interface StartOptions {
  readonly program: Program;
  readonly arguments: string;
  readonly consoleInput: boolean;
}

export interface RemoteShell {
  readonly id: string;
  readonly user: GuestUser;
  readonly account: string;
  readonly options: ShellOptions;
  readonly idleTimeoutMs: number;
  readonly commands: Map<string, RemoteCommand>;
  /** Commands ever started: Windows gives them back only with the shell (MS-WSMV, note on MaxConcurrentOperationsPerUser). */
  operations: number;
  /** Requests being served; the idle clock stands still meanwhile. */
  busy: number;
  idleTimer: NodeJS.Timeout | undefined;
}

export interface RemoteShellsOptions {
  readonly hostName: string;
  readonly limits: ShellLimits;
  readonly pace: Pace;
  readonly events: EventLog;
}

/** The open remote shells of the guest, with quotas and idle time-outs. */
export class RemoteShells {
  readonly #options: RemoteShellsOptions;
  readonly #shells = new Map<string, RemoteShell>();

  constructor(options: RemoteShellsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#shells.size;
  }

  open(user: GuestUser, options: ShellOptions): RemoteShell {
    const { limits, hostName } = this.#options;
    if (this.#of(user).length >= limits.maxShellsPerUser) throw faults.tooManyShells(limits.maxShellsPerUser);
    const shell: RemoteShell = {
      id: randomUUID().toUpperCase(),
      user,
      account: accountName(user, hostName),
      options,
      idleTimeoutMs: Math.min(options.idleTimeoutMs ?? limits.shellIdleTimeoutMs, limits.shellIdleTimeoutMs),
      commands: new Map(),
      operations: 0,
      busy: 0,
      idleTimer: undefined,
    };
    this.#shells.set(shell.id, shell);
    this.#startIdleClock(shell);
    return shell;
  }

  /** Runs one request on a shell of this user; throws the fault when there is none. */
  async use<T>(user: GuestUser, id: string | undefined, work: (shell: RemoteShell) => T | Promise<T>): Promise<T> {
    const shell = this.#shells.get((id ?? '').toUpperCase());
    if (shell === undefined) throw faults.shellNotFound(id ?? '');
    if (shell.user !== user) throw faults.accessDenied();
    shell.busy += 1;
    clearTimeout(shell.idleTimer);
    try {
      return await work(shell);
    } finally {
      shell.busy -= 1;
      if (shell.busy === 0 && this.#shells.has(shell.id)) this.#startIdleClock(shell);
    }
  }

  start(shell: RemoteShell, options: StartOptions): RemoteCommand {
    const { limits } = this.#options;
    const operations = this.#of(shell.user).reduce((sum, each) => sum + each.operations, 0);
    if (operations >= limits.maxOperationsPerUser) throw faults.tooManyOperations(limits.maxOperationsPerUser);
    const running = [...shell.commands.values()].filter((command) => command.running).length;
    if (running >= limits.maxProcessesPerShell) throw faults.tooManyCommands(limits.maxProcessesPerShell);
    shell.operations += 1;
    const { codePage, environment } = shell.options;
    const command = new RemoteCommand({ ...options, account: shell.account, environment, codePage });
    shell.commands.set(command.id, command);
    return command;
  }

  commandOf(shell: RemoteShell, id: string | undefined): RemoteCommand {
    const command = shell.commands.get((id ?? '').toUpperCase());
    if (command === undefined) throw faults.commandNotFound();
    return command;
  }

  /** Ends the shell and kills every process in it. */
  close(shell: RemoteShell): void {
    clearTimeout(shell.idleTimer);
    this.#shells.delete(shell.id);
    for (const command of shell.commands.values()) command.terminate();
  }

  closeAll(): void {
    for (const shell of [...this.#shells.values()]) this.close(shell);
  }

  #of(user: GuestUser): readonly RemoteShell[] {
    return [...this.#shells.values()].filter((shell) => shell.user === user);
  }

  #startIdleClock(shell: RemoteShell): void {
    const { pace, events } = this.#options;
    shell.idleTimer = setTimeout(() => {
      events.add('guest', 'effect', 'shell idle time-out', shell.id);
      this.close(shell);
    }, pace.scaledMs(shell.idleTimeoutMs));
    shell.idleTimer.unref();
  }
}
