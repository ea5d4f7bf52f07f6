import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { isSea } from 'node:sea';
import { promisify } from 'node:util';
import { SnaphookError } from '../../ports/errors.ts';

/** A program of ours and what it printed. */
export interface ChildResult {
  readonly exitCode: number;
  readonly document: Readonly<Record<string, unknown>>;
  readonly tookMs: number;
}

/**
 * Runs one of the hooks as a backup product would: a process of its own, JSON on its stdout, its log on our stderr when asked.
 */
export async function runHookProgram(
  hook: 'pre-backup' | 'post-backup',
  args: readonly string[],
  showLog: boolean,
  signal: AbortSignal,
): Promise<ChildResult> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...programOf(hook), ...args, '--json'], {
    argv0: isSea() ? hook : process.execPath,
    stdio: ['ignore', 'pipe', showLog ? 'inherit' : 'pipe'],
    signal,
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const document = parseDocument(stdout);
  if (!document) throw new SnaphookError('E_INTERNAL', `hook "${hook}" printed no result: ${stderr.slice(-500)}`);
  return { exitCode, document, tookMs: performance.now() - startedMs };
}

/** What Node has to be told to run a hook: nothing in the single binary, which is one by its name; else the file beside this one. */
function programOf(hook: string): readonly string[] {
  if (isSea()) return [];
  const program = path.join(path.dirname(process.argv[1] ?? ''), `${hook}.cjs`);
  if (existsSync(program)) return [program];
  throw new SnaphookError('E_INTERNAL', `hook "${program}" is not there`, { hint: 'Run `npm run build` first.' });
}

function parseDocument(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** The stand-in for a backup product's data path: GNU tar with holes kept. */
export async function archive(directory: string, archiveFile: string): Promise<void> {
  await promisify(execFile)('tar', ['--create', '--sparse', '--file', archiveFile, '--directory', directory, '.']);
}

export async function restore(archiveFile: string, directory: string): Promise<void> {
  await promisify(execFile)('tar', ['--extract', '--sparse', '--file', archiveFile, '--directory', directory]);
}
