import { SnaphookError } from '../ports/errors.ts';
import {
  type GuestAccount,
  GuestFileNotFound,
  type GuestOperations,
  type GuestOperationsServer,
  type GuestProgram,
  type ListedProgram,
} from '../ports/guest-operations.ts';
import { child, children, integer, text, type VimRef } from './decode.ts';
import {
  createTemporaryDirectory,
  deleteDirectory,
  type GuestPlace,
  listProcesses,
  startProgram,
  terminateProcess,
  transferFromGuest,
  transferToGuest,
  validateCredentials,
} from './encode-guest-operations.ts';
import { errorOfFault, errorOfUnreadableAnswer, VimFaultError } from './faults.ts';
import { GuestFileHosts, type GuestManagers, readGuestManagers, transferOf } from './guest-files.ts';
import { errorInGuest } from './guest-operation-faults.ts';
import type { Session, Sessions } from './session.ts';
import { endSession, openSessions, parseAddress, type VsphereOptions } from './vsphere.ts';

const REQUEST_TIMEOUT_MS = 60_000;

interface Connection {
  readonly sessions: Sessions;
  readonly hosts: GuestFileHosts;
  managers: GuestManagers | undefined;
}

/** Guest operations over vCenter's SOAP API (GuestOperationsManager). Logs in on first use. */
export function createGuestOperations(options: VsphereOptions): GuestOperationsServer {
  const { host } = parseAddress(options.url);
  const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const connection: Connection = {
    sessions: openSessions(options),
    hosts: new GuestFileHosts({ host, tls: options.tls, timeoutMs }),
    managers: undefined,
  };
  return {
    of: ({ name, moRef }, account) =>
      new OperationsInGuest(connection, host, { name, vm: { type: 'VirtualMachine', id: moRef } }, account),
    endSession: (key, signal) => connection.sessions.run(signal, (session) => endSession(session, key)),
    close: async () => {
      await connection.sessions.close();
      connection.hosts.close();
    },
  };
}

/** What a call works with. */
interface Call {
  readonly session: Session;
  readonly managers: GuestManagers;
  readonly place: GuestPlace;
}

class OperationsInGuest implements GuestOperations {
  readonly #connection: Connection;
  readonly #server: string;
  readonly #guest: { readonly name: string; readonly vm: VimRef };
  readonly #account: () => Promise<GuestAccount>;
  #resolved: Promise<GuestAccount> | undefined;
  /** A password that was refused counts towards locking the account each time. */
  #refused: SnaphookError | undefined;

  constructor(
    connection: Connection,
    server: string,
    guest: { readonly name: string; readonly vm: VimRef },
    account: () => Promise<GuestAccount>,
  ) {
    this.#connection = connection;
    this.#server = server;
    this.#guest = guest;
    this.#account = account;
  }

  async login(signal: AbortSignal): Promise<string | undefined> {
    return await this.#run(signal, async ({ session, managers, place }) => {
      await session.call('ValidateCredentialsInGuest', validateCredentials(managers.auth, place));
      return session.key;
    });
  }

  async makeFolder(
    place: { readonly parent: string | undefined; readonly prefix: string },
    signal: AbortSignal,
  ): Promise<string> {
    const operation = 'CreateTemporaryDirectoryInGuest';
    return await this.#run(signal, async (call) => {
      const body = createTemporaryDirectory(call.managers.file, call.place, place);
      const made = text(await call.session.call(operation, body));
      if (made === undefined || made === '') throw errorOfUnreadableAnswer(this.#server, operation);
      return made;
    });
  }

  async start(program: { readonly path: string; readonly arguments: string }, signal: AbortSignal): Promise<number> {
    const operation = 'StartProgramInGuest';
    try {
      return await this.#run(signal, async ({ session, managers, place }) => {
        const pid = integer(await session.call(operation, startProgram(managers.process, place, program)));
        if (pid === undefined) throw errorOfUnreadableAnswer(this.#server, operation);
        return pid;
      });
    } catch (error) {
      const { code } = error instanceof SnaphookError ? error : {};
      if (!(error instanceof SnaphookError) || code !== 'E_VCENTER_UNREACHABLE') throw error;
      const { message, hint } = error;
      throw new SnaphookError(code, message, { ...(hint !== undefined && { hint }), cause: error, effect: 'unknown' });
    }
  }

  async deleteFolder(path: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#run(signal, ({ session, managers, place }) =>
        session.call('DeleteDirectoryInGuest', deleteDirectory(managers.file, place, path)),
      );
    } catch (error) {
      if (!(error instanceof GuestFileNotFound)) throw error;
    }
  }

  async programs(processIds: readonly number[], signal: AbortSignal): Promise<readonly GuestProgram[]> {
    const told = await this.#processes(processIds, signal);
    return processIds.map(
      (wanted) => told.find(({ processId }) => processId === wanted)?.program ?? { kind: 'unknown' },
    );
  }

  async programsWith(wanted: string, signal: AbortSignal): Promise<readonly ListedProgram[]> {
    const told = await this.#processes([], signal);
    return told.filter(({ commandLine }) => commandLine.includes(wanted));
  }

  async terminate(processId: number, signal: AbortSignal): Promise<void> {
    await this.#run(signal, async ({ session, managers, place }) => {
      try {
        await session.call('TerminateProcessInGuest', terminateProcess(managers.process, place, processId));
      } catch (error) {
        if (!(error instanceof VimFaultError) || error.fault.type !== 'GuestProcessNotFound') throw error;
      }
    });
  }

  async readLonger(path: string, thanBytes: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const operation = 'InitiateFileTransferFromGuest';
    return await this.#run(signal, async ({ session, managers, place }) => {
      const answer = await session.call(operation, transferFromGuest(managers.file, place, path));
      const { sizeBytes, url } = transferOf(answer);
      if (!/^\d+$/.test(sizeBytes) || !/^https:\/\//.test(url)) throw errorOfUnreadableAnswer(this.#server, operation);
      if (Number(sizeBytes) <= thanBytes) return undefined;
      return await this.#connection.hosts.read(url, place.vm, session, signal);
    });
  }

  async write(path: string, content: Buffer, signal: AbortSignal): Promise<void> {
    const operation = 'InitiateFileTransferToGuest';
    await this.#run(signal, async ({ session, managers, place }) => {
      const body = transferToGuest(managers.file, place, { path, sizeBytes: content.length });
      const url = text(await session.call(operation, body)) ?? '';
      if (!/^https:\/\//.test(url)) throw errorOfUnreadableAnswer(this.#server, operation);
      await this.#connection.hosts.write(url, place.vm, content, session, signal);
    });
  }

  /** Of all programs without process ids. */
  #processes(processIds: readonly number[], signal: AbortSignal): Promise<readonly Process[]> {
    return this.#run(signal, async ({ session, managers, place }) =>
      children(
        await session.call('ListProcessesInGuest', listProcesses(managers.process, place, processIds)),
        'returnval',
      ).flatMap((told) => processOf(told) ?? []),
    );
  }

  async #run<Result>(signal: AbortSignal, work: (call: Call) => Promise<Result>): Promise<Result> {
    if (this.#refused) throw this.#refused;
    this.#resolved ??= this.#account();
    const account = await this.#resolved;
    const place = { vm: this.#guest.vm, account };
    return await this.#connection.sessions.run(signal, async (session) => {
      this.#connection.managers ??= await readGuestManagers(session);
      try {
        return await work({ session, managers: this.#connection.managers, place });
      } catch (error) {
        throw this.#explained(error, account);
      }
    });
  }

  #explained(error: unknown, { username, password }: GuestAccount): unknown {
    const safe = error instanceof VimFaultError ? error.without([password]) : error;
    const explained = errorInGuest({ name: this.#guest.name, username }, safe);
    if (explained instanceof SnaphookError && explained.code === 'E_GUEST_LOGIN') this.#refused = explained;
    if (!(explained instanceof VimFaultError) || explained.fault.type === 'NotAuthenticated') return explained;
    return errorOfFault(this.#server, explained.operation, explained.fault);
  }
}

interface Process extends ListedProgram {
  readonly commandLine: string;
}

/** Of GuestProcessInfo. */
function processOf(told: unknown): Process | undefined {
  const processId = integer(child(told, 'pid'));
  if (processId === undefined) return undefined;
  const commandLine = text(child(told, 'cmdLine')) ?? '';
  const exitCode = integer(child(told, 'exitCode'));
  if (exitCode !== undefined) return { processId, commandLine, program: { kind: 'ended', exitCode } };
  const runs = text(child(told, 'endTime')) === undefined;
  return { processId, commandLine, program: runs ? { kind: 'running', commandLine } : { kind: 'unknown' } };
}
