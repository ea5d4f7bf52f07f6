import { stat } from 'node:fs/promises';
import path from 'node:path';
import { runProgram as run } from '../../../../platform/run-program.ts';
import { systemErrorCode } from '../../../../platform/system-error.ts';
import { WinRmError } from '../winrm-error.ts';

export interface KerberosAccount {
  /** `user@REALM`. */
  readonly principal: string;
  /** Folder of MIT's `kinit` and `kvno`; absent: where systems have them. */
  readonly programs?: string | undefined;
}

const PROGRAM_FOLDERS = ['/usr/bin', '/usr/local/bin', '/usr/lib/mit/bin', '/opt/homebrew/opt/krb5/bin'];
const PROGRAM_TIMEOUT_MS = 30_000;

export const SERVICE_ADVICE =
  'Check that the domain knows the guest under this name (setspn -Q HTTP/host), or give `service` in the Kerberos settings.';

/** Runs one of them. Errors: WinRmError `login` with its words; the signal's reason when aborted. */
export async function runProgram(
  request: KerberosAccount,
  name: 'kinit' | 'kvno',
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const program = await programPath(request, name);
  const said = await wordsOfFailure(program, args, signal);
  if (said === undefined) return;
  const words = (said || `${name} did not end well`).replace(/[^ -~]+/g, ' ');
  throw login(`no ticket for "${request.principal}": ${words}`, FETCH_ADVICE[name]);
}

/** Undefined: it ended well. */
async function wordsOfFailure(
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const limit = AbortSignal.timeout(PROGRAM_TIMEOUT_MS);
  try {
    const { exitCode, said } = await run(program, args, signal ? AbortSignal.any([signal, limit]) : limit);
    return exitCode === 0 ? undefined : said;
  } catch (thrown) {
    signal?.throwIfAborted();
    return limit.aborted
      ? `no answer in ${PROGRAM_TIMEOUT_MS} ms`
      : `${program} cannot be started: ${systemErrorCode(thrown)}`;
  }
}

const FETCH_ADVICE = {
  kinit:
    'Check the principal, its keytab (klist -k) and that a domain controller is reachable with clocks within 5 minutes.',
  kvno: `Check with: klist, and kvno HTTP/host. Run kinit, or give a keytab. ${SERVICE_ADVICE}`,
} as const;

async function programPath({ programs }: KerberosAccount, name: string): Promise<string> {
  if (process.platform === 'win32') {
    throw login(
      'Kerberos needs the programs of MIT Kerberos, which Windows does not have',
      'Use authentication ntlm or certificate from a Windows proxy.',
    );
  }
  for (const folder of programs === undefined ? PROGRAM_FOLDERS : [programs]) {
    const program = path.join(folder, name);
    if (await stat(program).catch(() => undefined)) return program;
  }
  throw login(
    `Kerberos needs the program "${name}", which is not here`,
    'Install krb5-user (Debian, Ubuntu) or krb5-workstation (Red Hat), or give their folder as `programs`.',
  );
}

export const login = (reason: string, advice: string): WinRmError => new WinRmError({ kind: 'login', reason, advice });
