import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { type ProgramEnd, runProgram as run } from '../../platform/run-program.ts';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';

/** Runs a program of the system (src/platform/run-program.ts). Errors: `E_PROXY` when it cannot be started; the signal's reason. */
export async function runProgram(name: string, args: readonly string[], signal: AbortSignal): Promise<ProgramEnd> {
  try {
    return await run(name, args, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw notStarted(name, cause);
  }
}

/** Is it in the PATH? */
export async function hasProgram(name: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const looks = folders.map((folder) =>
    access(path.join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(looks)).includes(true);
}

/** For programs that have to succeed. */
export async function mustRun(name: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { exitCode, stdout, said } = await runProgram(name, args, signal);
  if (exitCode === 0) return stdout;
  throw new SnaphookError('E_PROXY', `"${name} ${args.join(' ')}" failed on the proxy: ${said || 'it said nothing'}`, {
    hint: 'See the messages of the kernel (dmesg) on this machine.',
  });
}

function notStarted(name: string, cause: unknown): SnaphookError {
  const code = systemErrorCode(cause);
  return new SnaphookError('E_PROXY', `program "${name}" cannot be started (${code})`, {
    cause,
    hint: `Install what provides "${name}"; docs/files.md lists the packages. The hook's PATH must have /usr/sbin.`,
  });
}
