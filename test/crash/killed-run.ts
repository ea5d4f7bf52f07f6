import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
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

/** What a user would call left behind. Empty folders that belong to the installation do not count. */
export function leftBehind(lab: Lab): readonly string[] {
  const left: string[] = [];
  for (const device of lab.store.devices()) {
    for (const { name } of lab.store.snapshots(device.id)) left.push(`snapshot ${name} on ${device.id}`);
    if (device.isTarget) left.push(`link on ${device.id}`);
  }
  for (const member of lab.changedMembers()) left.push(`storage group member ${member}`);
  if (lab.isFrozen()) left.push('frozen guest');
  if (lab.linuxGuest.sessionCount() > 0) left.push('session in the Linux guest');
  for (const folder of ['export', 'state/locks', 'state/runs/open']) {
    const parent = path.join(lab.directory, folder);
    if (!existsSync(parent)) continue;
    for (const entry of readdirSync(parent, { recursive: true, withFileTypes: true })) {
      const isEmptyJobFolder = folder === 'export' && entry.isDirectory();
      if (!isEmptyJobFolder) left.push(`${folder}/${entry.name}`);
    }
  }
  return left;
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
