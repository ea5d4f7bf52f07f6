import { SnaphookError } from '../../ports/errors.ts';
import type { SshConnection, SshProgram } from '../ssh/ssh-connection.ts';
import { SshError } from '../ssh/ssh-error.ts';
import { isPlainForCmd, quoteArgument } from './quoting.ts';
import type { GuestProgram, ProgramResult } from './windows-commands.ts';

/** What sshd of Windows gives a command to (DefaultShell): `cmd.exe /c "..."` or `powershell.exe -c "..."`. */
export type DefaultShell = 'cmd' | 'powershell';

/** cmd.exe alone knows `%OS%`; PowerShell prints each argument on a line of its own, a shell of Unix both on one. */
const PROBE = 'echo %OS% $HOME';

/** Asks the guest which shell it has. @throws SshError `refused` when it is neither. */
export async function defaultShellOf(connection: SshConnection, signal: AbortSignal): Promise<DefaultShell> {
  const { stdout } = await runLine(connection, PROBE, Buffer.alloc(0), signal);
  const said = stdout.toString('latin1');
  if (said.startsWith('Windows_NT')) return 'cmd';
  if (/^%OS%\r?\n/.test(said)) return 'powershell';
  throw new SshError({ kind: 'refused', reason: 'its DefaultShell is neither cmd.exe nor PowerShell' });
}

/** Characters cmd.exe takes in one line. */
const CMD_LINE_LIMIT = 8191;
/** PowerShell takes each of these for a single quote. */
const SINGLE_QUOTES = /['\u2018\u2019\u201a\u201b]/g;

/**
 * The command line that starts a program with exactly these arguments.
 * @throws SnaphookError `E_GUEST` for an argument that no quoting brings through the shell unchanged.
 */
export function commandLineFor(shell: DefaultShell, { path, arguments: words }: GuestProgram): string {
  const stuck = [path, ...words].find((word) => !comesThrough(shell, word));
  if (stuck !== undefined) throw cannotSay(shell, stuck);
  const quoted = (word: string) => `'${word.replace(SINGLE_QUOTES, '$&$&')}'`;
  const line =
    shell === 'cmd'
      ? [`"${path}"`, ...words.map(quoteArgument)].join(' ')
      : `& ${[path, ...words].map(quoted).join(' ')}; exit $LASTEXITCODE`;
  if (line.length > CMD_LINE_LIMIT) throw cannotSay(shell, `${line.slice(0, 40)}...`);
  return line;
}

/** PowerShell before 7.3 drops empty arguments, and does not escape quotes and last backslashes for the program. */
const comesThrough = (shell: DefaultShell, word: string): boolean =>
  shell === 'cmd' ? isPlainForCmd(word) : word !== '' && !/["\r\n]|\s.*\\$/s.test(word);

const cannotSay = (shell: DefaultShell, word: string): SnaphookError =>
  new SnaphookError('E_GUEST', `"${word}" cannot be given to a program through ${shell} unchanged`, {
    hint: 'Choose a path without special characters, or reach the guest by WinRM.',
  });

/** Runs a program to its end. @throws SshError `disconnected` when its end is not known. */
export const runProgram = (
  connection: SshConnection,
  shell: DefaultShell,
  program: GuestProgram,
  signal: AbortSignal,
): Promise<ProgramResult> =>
  runLine(connection, commandLineFor(shell, program), program.input ?? Buffer.alloc(0), signal);

function runLine(connection: SshConnection, line: string, input: Buffer, signal: AbortSignal): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const output: Parameters<SshConnection['run']>[1] = {
      stdout: (data) => stdout.push(data),
      stderr: (data) => stderr.push(data),
      ended: (end) => {
        signal.removeEventListener('abort', onAbort);
        if (end.kind === 'exited' && end.exitCode !== undefined) {
          resolve({ exitCode: end.exitCode, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
        } else {
          const reason = end.kind === 'lost' ? end.reason : 'a program ended without an exit code';
          reject(new SshError({ kind: 'disconnected', reason }));
        }
      },
    };
    const feed = (program: SshProgram) => {
      if (input.length > 0) program.write(input);
      program.end();
    };
    connection.run(line, output, signal).then(feed).catch(reject);
  });
}
