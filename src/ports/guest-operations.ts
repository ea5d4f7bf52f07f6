import { SnaphookError } from './errors.ts';
import type { MoRef } from './identity.ts';

/** An account of the guest's own operating system. */
export interface GuestAccount {
  readonly username: string;
  readonly password: string;
}

/** A program that was started in a guest, as VMware Tools tells of it. */
export type GuestProgram =
  | { readonly kind: 'running'; readonly commandLine: string }
  | { readonly kind: 'ended'; readonly exitCode: number }
  /** Never heard of, or it ended more than five minutes ago: VMware Tools then forgets it. */
  | { readonly kind: 'unknown' };

/** A program of the guest that may be asked for again by its process id. */
export interface ListedProgram {
  readonly processId: number;
  readonly program: GuestProgram;
}

/** `E_GUEST`: there is no such file, folder or program in the guest. */
export class GuestFileNotFound extends SnaphookError {}

/**
 * Programs and files of one guest through VMware Tools, with no network to the guest. Programs have no standard input or output. Each call
 * is a round trip through vCenter, ESXi and VMware Tools.
 * Errors: `E_GUEST_LOGIN`, `E_GUEST_UNREACHABLE` (VMware Tools does not answer, or not to guest operations), `E_GUEST` (what the guest
 * refused; `GuestFileNotFound` among it), and those of vCenter.
 */
export interface GuestOperations {
  /**
   * The guest takes the account. A refused one is not tried again by the same object. Resolves with the key of vCenter's session, as
   * `Hypervisor.sessionKey` does: one of a process that was killed is ended by it.
   */
  login(signal: AbortSignal): Promise<string | undefined>;
  /**
   * A new folder that nobody but the account may enter; resolves with its path. `parent` undefined: where the guest has the account's
   * temporary files.
   */
  makeFolder(
    place: { readonly parent: string | undefined; readonly prefix: string },
    signal: AbortSignal,
  ): Promise<string>;
  /** Removes a folder with all that is in it. Success when there is none. */
  deleteFolder(path: string, signal: AbortSignal): Promise<void>;
  /**
   * Starts a program; resolves with its process id and does not wait for its end. In a Linux guest path and arguments are one line of a
   * shell, which is also what redirections are for; in a Windows guest there is no shell, and the arguments are the rest of the command line as
   * the program reads it. After an error it may have been started (`effect: 'unknown'`).
   */
  start(program: { readonly path: string; readonly arguments: string }, signal: AbortSignal): Promise<number>;
  /** In the order of the process ids, by one question. */
  programs(processIds: readonly number[], signal: AbortSignal): Promise<readonly GuestProgram[]>;
  /** Those whose command line has that text, also such as have ended in the last five minutes. */
  programsWith(text: string, signal: AbortSignal): Promise<readonly ListedProgram[]>;
  /** Asks for the end of a program as the operating system does it; the program is not heard. Success when there is none. */
  terminate(processId: number, signal: AbortSignal): Promise<void>;
  /** The whole file if it has more than so many bytes; undefined when it has not. */
  readLonger(path: string, thanBytes: number, signal: AbortSignal): Promise<Buffer | undefined>;
  /** Makes a new file; none is overwritten. */
  write(path: string, content: Buffer, signal: AbortSignal): Promise<void>;
}

/** Guest operations of a vCenter; several guests share one session. */
export interface GuestOperationsServer {
  /** Asks nothing yet. The account is resolved when it is needed first. */
  of(vm: { readonly name: string; readonly moRef: MoRef }, account: () => Promise<GuestAccount>): GuestOperations;
  /** Ends a session of a process that is gone. Success when there is none. */
  endSession(key: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
