import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { spawnApart } from '../platform/spawn-apart.ts';
import { SnaphookError } from '../ports/errors.ts';

const EXEC_TIMEOUT_MS = 10_000;
/** What a program wrote before it ended is read by then. */
const REST_OF_OUTPUT_MS = 250;
const READABLE_BY_OTHERS = 0o077;

/**
 * Resolves a reference (`env:`, `file:`, `systemd:`, `exec:`) to its secret, without the line end a file or program adds.
 * The secret goes to the caller only; errors name the reference, never the value. Errors: `E_SECRET`.
 */
export async function resolveSecret(reference: string): Promise<string> {
  const separator = reference.indexOf(':');
  const scheme = reference.slice(0, separator);
  const rest = reference.slice(separator + 1);
  const secret = await readReference(scheme, rest, reference);
  const trimmed = secret.replace(/\r?\n$/, '');
  if (trimmed === '') throw unreadable(reference, 'it is empty');
  return trimmed;
}

async function readReference(scheme: string, rest: string, reference: string): Promise<string> {
  switch (scheme) {
    case 'env': {
      const value = process.env[rest];
      if (value === undefined) throw unreadable(reference, 'the variable is not set');
      return value;
    }
    case 'file':
      return readProtected(rest, reference);
    case 'systemd': {
      const folder = process.env.CREDENTIALS_DIRECTORY;
      if (folder === undefined) throw unreadable(reference, 'the service has no credentials directory');
      return readProtected(path.join(folder, path.basename(rest)), reference);
    }
    case 'exec':
      return runProgram(rest, reference);
    default:
      throw unreadable(reference, 'unknown kind of reference');
  }
}

async function readProtected(file: string, reference: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    if (process.platform !== 'win32' && (mode & READABLE_BY_OTHERS) !== 0) {
      throw unreadable(reference, `mode ${(mode & 0o777).toString(8)} lets others read it`, `Run: chmod 600 '${file}'`);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof SnaphookError) throw error;
    throw unreadable(reference, error instanceof Error ? error.message : 'it cannot be read');
  }
}

async function runProgram(commandLine: string, reference: string): Promise<string> {
  const [program, ...args] = commandLine.split(/\s+/).filter((word) => word !== '');
  if (program === undefined) throw unreadable(reference, 'no program is named');
  // A session of its own: a signal to our whole process group is ours to handle.
  const child = spawnApart(program, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true, windowsHide: true });
  const killer = setTimeout(() => child.kill('SIGKILL'), EXEC_TIMEOUT_MS);
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  try {
    const end = await Promise.race([once(child, 'close'), endedWithOpenOutput(child)]);
    if (end[0] !== 0) throw unreadable(reference, 'the program failed');
    return Buffer.concat(output).toString('utf8');
  } catch (error) {
    // What the system says may hold the command line; the program's output, which may hold the secret, is never told.
    throw error instanceof SnaphookError ? error : unreadable(reference, 'the program cannot be run');
  } finally {
    clearTimeout(killer);
    child.stdout.destroy();
  }
}

/** A program may leave something running that keeps its output open, as agents do: its own end is what counts. */
async function endedWithOpenOutput(child: ChildProcess): Promise<readonly unknown[]> {
  const end: readonly unknown[] = await once(child, 'exit');
  await sleepFor(REST_OF_OUTPUT_MS);
  return end;
}

const unreadable = (reference: string, why: string, hint?: string) =>
  new SnaphookError('E_SECRET', `secret "${reference}" cannot be read: ${why}`, {
    hint: hint ?? 'Check the reference in the configuration and the rights of the account that runs the hook.',
  });
