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

/** Runs one of them. Errors: WinRmError `login` or `no-domain-controller` with its words; the signal's reason when aborted. */
export async function runProgram(
  request: KerberosAccount,
  name: 'kinit' | 'kvno',
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const program = await programPath(request, name);
  const limit = AbortSignal.timeout(PROGRAM_TIMEOUT_MS);
  try {
    const { exitCode, said } = await run(program, args, signal ? AbortSignal.any([signal, limit]) : limit);
    if (exitCode !== 0) throw failed(request, name, said || `${name} did not end well`);
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof WinRmError) throw thrown;
    // All that these programs wait for is a domain controller.
    if (limit.aborted) throw noDomainController(request, `${name} had no answer in ${PROGRAM_TIMEOUT_MS} ms`);
    throw failed(request, name, `${program} cannot be started (${systemErrorCode(thrown)})`);
  }
}

/**
 * What they say in the locale C when no domain controller gave an answer (MIT Kerberos 1.20: krb5_err.et, sendto_kdc.c, locate_kdc.c). Their
 * exit code is 1 for everything, and what they say is the only way to tell.
 */
const NO_ANSWER =
  /^k(?:init|vno): (?:Cannot (?:contact any KDC|find KDC|resolve network address for KDC)|A service is not available that)/;

function failed(request: KerberosAccount, name: 'kinit' | 'kvno', said: string): WinRmError {
  const words = said.replace(/[^ -~]+/g, ' ');
  if (NO_ANSWER.test(words)) return noDomainController(request, words);
  return login(`no ticket for "${request.principal}": ${words}`, FETCH_ADVICE[name]);
}

const noDomainController = ({ principal }: KerberosAccount, words: string): WinRmError =>
  new WinRmError({
    kind: 'no-domain-controller',
    reason: `no ticket for "${principal}": ${words}`,
    advice:
      'Check that this machine reaches a domain controller (port 88) and finds it: /etc/krb5.conf, or the names in DNS (_kerberos._tcp).',
  });

const FETCH_ADVICE = {
  kinit: 'Check the principal, its keytab (klist -k) and that the clocks differ by less than 5 minutes.',
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
