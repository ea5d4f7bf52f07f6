import { spawnApart } from './spawn-apart.ts';

export interface ProgramEnd {
  /** Undefined: it was ended by a signal. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  /** Both outputs as one line, cut: for people. */
  readonly said: string;
}

/** A killed program that is not gone by then hangs in the kernel. */
const KILL_MS = 2000;
/** Checkers print a line for every defect. */
const MAX_OUTPUT = 64 * 1024;
const SAID_CHARACTERS = 300;

/**
 * Runs a program of the system, without a shell, and tells how it ended. At the signal it is killed and waited for, so that it does nothing
 * any more when this rejects; one that hangs in the kernel is not waited for and keeps no process alive. Errors: the signal's reason;
 * the system's error when the program cannot be started.
 */
export function runProgram(name: string, args: readonly string[], signal: AbortSignal): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // Words of the programs are never interpreted, but those shown to people should be the same everywhere.
    const child = spawnApart(name, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
    const output = { stdout: '', stderr: '' };
    let timer: NodeJS.Timeout | undefined;
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] = (output[stream] + text).slice(0, MAX_OUTPUT);
      });
    }
    const onAbort = () => {
      child.kill('SIGKILL');
      timer = setTimeout(() => {
        child.unref();
        child.stdout.destroy();
        child.stderr.destroy();
        reject(signal.reason);
      }, KILL_MS);
    };
    const settle = (end: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) reject(signal.reason);
      else end();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('error', (cause) => settle(() => reject(cause)));
    child.once('close', (code) => {
      const said = `${output.stderr} ${output.stdout}`.replace(/\s+/g, ' ').trim().slice(0, SAID_CHARACTERS);
      settle(() => resolve({ exitCode: code ?? undefined, stdout: output.stdout, said }));
    });
  });
}
