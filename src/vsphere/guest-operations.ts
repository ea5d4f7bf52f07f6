import { SnaphookError } from '../ports/errors.ts';
import type { GuestAccount, GuestOperations, GuestOperationsServer, GuestProgram } from '../ports/guest-operations.ts';
import { child, integer, text, type VimRef } from './decode.ts';
import {
  createTemporaryDirectory,
  type GuestPlace,
  listProcesses,
  startProgram,
  transferFromGuest,
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

  async makeFolder(place: { readonly parent: string; readonly prefix: string }, signal: AbortSignal): Promise<string> {
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

  async program(processId: number, signal: AbortSignal): Promise<GuestProgram> {
    return await this.#run(signal, async ({ session, managers, place }) => {
      const told = await session.call('ListProcessesInGuest', listProcesses(managers.process, place, [processId]));
      if (integer(child(told, 'pid')) !== processId) return { kind: 'unknown' };
      const exitCode = integer(child(told, 'exitCode'));
      if (exitCode !== undefined) return { kind: 'ended', exitCode };
      return text(child(told, 'endTime')) === undefined ? { kind: 'running' } : { kind: 'unknown' };
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
