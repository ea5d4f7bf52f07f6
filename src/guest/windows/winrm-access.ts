import type { TlsIdentity, TlsTrust } from '../../platform/tls.ts';
import type { Clock } from '../../ports/clock.ts';
import { AccountLogins } from './account-logins.ts';
import type { WindowsAccess } from './windows-access.ts';
import type { WinRmCredentials } from './winrm/authentication.ts';
import { openConnection, type WinRmConnection } from './winrm/connection.ts';
import type { Credential } from './winrm/kerberos/credential-cache.ts';
import { deleteShell, MAX_OPERATION_TIMEOUT_MS } from './winrm/shell.ts';
import { WinRmError } from './winrm/winrm-error.ts';
import { openWinRmCommands } from './winrm-commands.ts';
import { WinRmHelperChannel } from './winrm-helper-channel.ts';

/** How one session logs in. Secrets and tickets are got as late as possible, once for each session with the guest. */
export type WinRmLogin =
  | {
      /** `basic` over https only. NTLM over http seals every message. */
      readonly authentication: 'basic' | 'ntlm';
      /** `DOMAIN\user`, `HOST\user` or `user@domain`. */
      readonly username: string;
      readonly password: () => Promise<string>;
    }
  | {
      /** Over http it seals every message. */
      readonly authentication: 'kerberos';
      /** `user@REALM`. */
      readonly username: string;
      readonly ticket: (signal?: AbortSignal) => Promise<Credential>;
    }
  | {
      /** Over https only. */
      readonly authentication: 'certificate';
      /** For messages. */
      readonly username: string;
      readonly identity: () => Promise<TlsIdentity>;
    };

/** How to reach one Windows guest over WinRM. */
export type WinRmSettings = WinRmEndpointSettings & WinRmLogin;

interface WinRmEndpointSettings {
  /** Host name or IP address of the WinRM service. */
  readonly address: string;
  /** Default 5986 for https, 5985 for http. */
  readonly port?: number;
  readonly scheme: 'https' | 'http';
  readonly tls?: TlsTrust;
  /** For one connection with its login. Default 15 000. */
  readonly connectTimeoutMs?: number;
  /** WS-Management's own limit for one call, and the rhythm of quiet Receives. Default and maximum 60 000. */
  readonly operationTimeoutMs?: number;
}

/** A Windows guest over WinRM. `resume` records hold the `shellId`. `logins`: those of all guests of the process. */
export function winRmAccess(settings: WinRmSettings, clock: Clock, logins = new AccountLogins()): WindowsAccess {
  const port = settings.port ?? (settings.scheme === 'https' ? 5986 : 5985);
  const operationTimeoutMs = Math.min(
    settings.operationTimeoutMs ?? MAX_OPERATION_TIMEOUT_MS,
    MAX_OPERATION_TIMEOUT_MS,
  );
  const connect = connector(settings, port, clock, logins);
  return {
    endpoint: `${settings.scheme}://${settings.address}:${port}/wsman`,
    username: settings.username,
    openHelper: (facts) => new WinRmHelperChannel({ connect, clock, facts, operationTimeoutMs }),
    openCommands: (signal) => openWinRmCommands({ connect, operationTimeoutMs }, signal),
    async endLeftover({ shellId }, signal) {
      if (shellId === undefined) return 'none';
      const connection = await connect(signal);
      try {
        await deleteShell(connection, shellId, { operationTimeoutMs, signal });
      } finally {
        connection.close();
      }
      return 'ended';
    },
  };
}

/**
 * Opens the connections of one session. Password or ticket are kept for its time: a thaw that needs a new connection must not
 * wait for a secret store or a domain controller.
 */
function connector(
  settings: WinRmSettings,
  port: number,
  clock: Clock,
  logins: AccountLogins,
): (signal?: AbortSignal) => Promise<WinRmConnection> {
  const { address, scheme, tls = {}, connectTimeoutMs = 15_000 } = settings;
  const endpoint = { address, port, scheme, tls, connectTimeoutMs };
  let credentials: Promise<WinRmCredentials> | undefined;
  let refused: WinRmError | undefined;
  const isRefusal = (thrown: unknown) => thrown instanceof WinRmError && thrown.problem.kind === 'login';
  const notTried = (reason: string) => new WinRmError({ kind: 'login', reason });
  return async (signal) => {
    if (refused) throw refused;
    credentials ??= credentialsOf(settings, signal).catch((thrown: unknown) => {
      // What nobody refused may be had later.
      if (!isRefusal(thrown)) credentials = undefined;
      throw thrown;
    });
    const known = await credentials;
    const attempt = () => openConnection(endpoint, known, clock, signal);
    try {
      if (known.authentication !== 'ntlm') return await attempt();
      return await logins.login(known.username, { attempt, isRefusal, notTried });
    } catch (thrown) {
      if (thrown instanceof WinRmError && thrown.problem.kind === 'login') refused = thrown;
      throw thrown;
    }
  };
}

async function credentialsOf(login: WinRmLogin, signal: AbortSignal | undefined): Promise<WinRmCredentials> {
  switch (login.authentication) {
    case 'kerberos':
      return { authentication: 'kerberos', ticket: await login.ticket(signal) };
    case 'certificate':
      return { authentication: 'certificate', identity: await login.identity() };
    default:
      return { authentication: login.authentication, username: login.username, password: await login.password() };
  }
}
