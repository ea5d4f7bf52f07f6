import { spawn } from 'node:child_process';
import path from 'node:path';

/** The folder of the release that the suites look at. */
export const RELEASE = process.env.SNAPHOOK_RELEASE ?? path.join(__dirname, '../../build/release');

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Call {
  /** The whole environment; none at all by default. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What the program is called as. */
  readonly argv0?: string;
}

/** Runs a program to its end, with nothing on its stdin. */
export function run(program: string, words: readonly string[], { env = {}, cwd = '/', argv0 }: Call = {}) {
  const child = spawn(program, words, { env, cwd, argv0, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  return new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}
