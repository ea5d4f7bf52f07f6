import type { MoRef } from './identity.ts';

/** An account of the guest's own operating system. */
export interface GuestAccount {
  readonly username: string;
  readonly password: string;
}

/** A program that was started in a guest, as VMware Tools tells of it. */
export type GuestProgram =
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly exitCode: number }
  /** Never heard of, or it ended more than five minutes ago: VMware Tools then forgets it. */
  | { readonly kind: 'unknown' };

/**
 * Programs and files of one guest through VMware Tools, with no network to the guest. Programs have no standard input or output. Each call
 * is a round trip through vCenter, ESXi and VMware Tools.
 * Errors: `E_GUEST_LOGIN`, `E_GUEST_UNREACHABLE` (VMware Tools does not answer, or not to guest operations), `E_GUEST` (what the guest
 * refused), and those of vCenter.
 */
export interface GuestOperations {
  /**
   * The guest takes the account. A refused one is not tried again by the same object. Resolves with the key of vCenter's session, as
   * `Hypervisor.sessionKey` does: one of a process that was killed is ended by it.
   */
  login(signal: AbortSignal): Promise<string | undefined>;
  /** A new folder that nobody but the account may enter; resolves with its path. */
  makeFolder(place: { readonly parent: string; readonly prefix: string }, signal: AbortSignal): Promise<string>;
  /**
   * Starts a program; resolves with its process id and does not wait for its end. In a Linux guest path and arguments are one line of a
   * shell, which is also what redirections are for. After an error it may have been started (`effect: 'unknown'`).
   */
  start(program: { readonly path: string; readonly arguments: string }, signal: AbortSignal): Promise<number>;
  program(processId: number, signal: AbortSignal): Promise<GuestProgram>;
  /** The whole file if it has more than so many bytes; undefined when it has not. */
  readLonger(path: string, thanBytes: number, signal: AbortSignal): Promise<Buffer | undefined>;
}

/** Guest operations of a vCenter; several guests share one session. */
export interface GuestOperationsServer {
  /** Asks nothing yet. The account is resolved when it is needed first. */
  of(vm: { readonly name: string; readonly moRef: MoRef }, account: () => Promise<GuestAccount>): GuestOperations;
  /** Ends a session of a process that is gone. Success when there is none. */
  endSession(key: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
