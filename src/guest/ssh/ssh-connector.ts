import type { Clock } from '../../ports/clock.ts';
import { withDeadline } from '../deadline.ts';
import type { HostTrust } from './host-keys.ts';
import { openSsh, type SshConnection, type SshCredentials } from './ssh-connection.ts';
import { SshError } from './ssh-error.ts';

/** How to log in: by key or by password. Resolved as late as possible, once for each session with the guest. */
export type SshLogin =
  | { readonly kind: 'key'; readonly privateKey: () => Promise<string>; readonly passphrase?: () => Promise<string> }
  | { readonly kind: 'password'; readonly password: () => Promise<string> };

/** How to reach one guest over SSH. */
export interface SshSettings {
  /** Host name or IP address of the SSH service; known_hosts is searched for it as it stands here. */
  readonly address: string;
  /** Default 22. */
  readonly port?: number;
  readonly username: string;
  readonly login: SshLogin;
  /** Read when a connection is made. */
  readonly trust: () => HostTrust;
  /** For one connection with its login. Default 15 000. */
  readonly connectTimeoutMs?: number;
  /** Between two signs of life of the connection; after three without answer it counts as broken. Default 5000. */
  readonly keepaliveMs?: number;
}

export const SSH_PORT = 22;
export const CONNECT_TIMEOUT_MS = 15_000;
export const KEEPALIVE_MS = 5000;

export type SshConnect = (signal: AbortSignal) => Promise<SshConnection>;

/**
 * Opens the connections of one session. Secrets are resolved with the first and kept for its time: a thaw that needs a new
 * connection must not wait for a secret store. After a refused login there is no second one, so that no account is locked.
 */
export function sshConnector(settings: SshSettings, clock: Clock): SshConnect {
  const { address: host, port = SSH_PORT, username, login, trust } = settings;
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, keepaliveMs = KEEPALIVE_MS } = settings;
  let credentials: Promise<SshCredentials> | undefined;
  let refused: SshError | undefined;
  return async (signal) => {
    if (refused) throw refused;
    credentials ??= resolveLogin(login);
    const resolved = await credentials;
    const target = { host, port, username, keepaliveMs, trust: trust() };
    const late = () => new SshError({ kind: 'unreachable', reason: `no login within ${connectTimeoutMs} ms` });
    try {
      return await withDeadline(clock, connectTimeoutMs, signal, late, (limit) => openSsh(target, resolved, limit));
    } catch (thrown) {
      if (thrown instanceof SshError && thrown.problem.kind === 'login') refused = thrown;
      throw thrown;
    }
  };
}

async function resolveLogin(login: SshLogin): Promise<SshCredentials> {
  if (login.kind === 'password') return { kind: 'password', password: await login.password() };
  return { kind: 'key', privateKey: await login.privateKey(), passphrase: await login.passphrase?.() };
}
