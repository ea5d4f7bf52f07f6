import { readFile } from 'node:fs/promises';
import { systemClock } from '../../platform/clock.ts';
import { type PowerShellValue, powerShellCall } from './powershell-call.ts';
import type { ProgramResult } from './windows-commands.ts';
import { errorText } from './winrm/clixml.ts';
import { findServiceTicket } from './winrm/kerberos/service-ticket.ts';
import { type WinRmLogin, winRmAccess } from './winrm-access.ts';

export { WinRmError } from './winrm/winrm-error.ts';

/** Who logs in, and how. */
export type Login =
  | { readonly authentication: 'ntlm' | 'basic'; readonly username: string; readonly password: string }
  | {
      readonly authentication: 'kerberos';
      /** `user@REALM`. */
      readonly username: string;
      readonly keytab?: string;
      /** As KRB5CCNAME names it. */
      readonly cache?: string;
      /** Name of the host in its domain; default `HTTP/` and the host. */
      readonly service?: string;
    }
  /** Paths of PEM files. */
  | {
      readonly authentication: 'certificate';
      readonly certificate: string;
      readonly key: string;
      readonly passphrase?: string;
    };

export interface WinRmOptions {
  readonly host: string;
  /** Default `https`. Over `http` NTLM and Kerberos seal every message, and the other ways are refused. */
  readonly transport?: 'https' | 'http';
  /** Default 5986 for https, 5985 for http. */
  readonly port?: number;
  /** How the server is recognised over https: PEM text of its authority, or the SHA-256 of its certificate. Default: the system's authorities. */
  readonly tls?: { readonly ca?: string; readonly fingerprint256?: string };
  readonly login: Login;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface PowerShellResult {
  readonly exitCode: number;
  /** Standard output as text, line ends as they came. */
  readonly output: string;
  /** What PowerShell said of errors, without its CLIXML; empty when there was none. */
  readonly errors: string;
}

/** One logged-in connection with one remote shell. Calls run one after the other. */
export interface WinRmClient {
  /** Runs a program to its end. Arguments reach it as they stand here; `input` is its standard input. */
  run(
    path: string,
    args?: readonly string[],
    options?: CallOptions & { readonly input?: Buffer },
  ): Promise<ProgramResult>;
  /** Runs a script of Windows PowerShell; its `param(...)` gets the parameters as they stand here, whatever is in them. */
  powershell(
    script: string,
    parameters?: Readonly<Record<string, PowerShellValue>>,
    options?: CallOptions,
  ): Promise<PowerShellResult>;
  /** Stores a file, whole or not at all: it gets its name when its SHA-256 was right over there. */
  upload(path: string, content: Buffer, options?: CallOptions): Promise<void>;
  /** Ends the shell, and with it what still runs in it. */
  close(): Promise<void>;
}

/** For calls that nobody ends early. */
const UNLIMITED = new AbortController().signal;

/**
 * Connects, logs in and opens a shell. A refused login is not tried again.
 * @throws WinRmError whose `problem.kind` says what happened; the signal's reason when aborted. Calls throw the same.
 */
export async function openWinRm(server: WinRmOptions, options?: CallOptions): Promise<WinRmClient> {
  const { host: address, transport: scheme = 'https', port, tls = {}, login } = server;
  const settings = { address, scheme, tls, ...(port === undefined ? {} : { port }), ...loginOf(login, address) };
  const limit = (call?: CallOptions) => call?.signal ?? UNLIMITED;
  const commands = await winRmAccess(settings, systemClock).openCommands(limit(options));
  return {
    run: (path, args = [], { input, signal } = {}) =>
      commands.run({ path, arguments: args, ...(input && { input }) }, limit(signal && { signal })),
    async powershell(script, parameters = {}, call = {}) {
      const { exitCode, stdout, stderr } = await commands.run(powerShellCall(script, parameters), limit(call));
      return { exitCode, output: stdout.toString('utf8'), errors: errorText(stderr) };
    },
    upload: (path, content, call) => commands.upload({ path, content }, limit(call)),
    close: () => commands.close(),
  };
}

function loginOf(login: Login, host: string): WinRmLogin {
  switch (login.authentication) {
    case 'kerberos': {
      const { authentication, username } = login;
      const ticket = (signal?: AbortSignal) =>
        findServiceTicket({ ...login, principal: username, host }, systemClock.now(), signal);
      return { authentication, username, ticket };
    }
    case 'certificate': {
      const { authentication, certificate, key, passphrase } = login;
      const identity = async () => ({
        cert: await readFile(certificate, 'utf8'),
        key: await readFile(key, 'utf8'),
        ...(passphrase === undefined ? {} : { passphrase }),
      });
      return { authentication, username: certificate, identity };
    }
    default:
      return { ...login, password: async () => login.password };
  }
}
