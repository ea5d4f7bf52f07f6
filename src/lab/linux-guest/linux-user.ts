import type { SshUser } from '../guest/ssh-server.ts';

/** An account of the guest. */
export interface LinuxUser extends SshUser {
  /** May become root by sudo without a password. */
  readonly sudo?: boolean;
}
