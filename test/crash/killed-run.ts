import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import type { Lab } from '../../src/lab/lab.ts';

const DIST = path.join(__dirname, '../../dist');

export interface Ended {
  readonly killed: boolean;
  readonly exitCode: number | null;
  readonly stderr: string;
}

/** Starts a program of dist/ as a backup product would. */
export function start(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  preload?: string,
): ChildProcess {
  const nodeArgs = preload === undefined ? [] : ['--require', path.join(__dirname, preload)];
  return spawn(process.execPath, [...nodeArgs, path.join(DIST, `${program}.cjs`), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
}

export async function ended(child: ChildProcess): Promise<Ended> {
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => {
    child.once('close', (exitCode, signal) => resolve({ killed: signal === 'SIGKILL', exitCode, stderr }));
  });
}

/** Kills the child at the nth remote call it makes, before or after the call had its effect. */
export function killAtCall(
  lab: Lab,
  child: () => ChildProcess | undefined,
  nth: number,
  when: 'before' | 'after',
): () => void {
  let calls = 0;
  const run = () => {
    calls += 1;
    if (calls === nth) child()?.kill('SIGKILL');
  };
  const remove = (['array', 'vcenter', 'guest'] as const).map((system) =>
    lab.faults.add({ system, when, action: { do: 'call', run } }),
  );
  return () => {
    for (const rule of remove) rule();
  };
}

/** Waits for a condition of the lab, with a limit far above what it should take. */
export async function until(condition: () => boolean, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (performance.now() < endMs) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return condition();
}
