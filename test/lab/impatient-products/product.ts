import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import type { Lab } from '../../../src/lab/lab.ts';
import type { FaultRule } from '../../../src/lab/world/faults.ts';
import type { Site } from '../main-job/site.ts';

const DIST = path.join(__dirname, '../../../dist');

export interface Ended {
  /** 128 + n cannot be told from signal n by a shell; here it can. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** A hook as a backup product calls it: a process of its own, in a process group of its own. */
export interface Hook {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stderr(): string;
  /** To the whole process group, as products that forward their own signals do it. */
  signalGroup(...signals: readonly NodeJS.Signals[]): void;
}

export type HookProgram = 'pre-backup' | 'post-backup';

export const hookCommand = (program: HookProgram): readonly string[] => [
  process.execPath,
  path.join(DIST, `${program}.cjs`),
];

export function startHook(program: HookProgram, args: readonly string[], options: SpawnOptions = {}): Hook {
  return start([...hookCommand(program), ...args], options);
}

export function start([command = '', ...args]: readonly string[], options: SpawnOptions = {}): Hook {
  const startedMs = performance.now();
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
    cwd: '/',
    detached: true,
    ...options,
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) =>
      resolve({ exitCode, signal, stdout, stderr, tookMs: performance.now() - startedMs }),
    );
  });
  return {
    child,
    ended,
    stderr: () => stderr,
    signalGroup: (...signals) => {
      for (const signal of signals) if (child.pid !== undefined) process.kill(-child.pid, signal);
    },
  };
}

/** A call of the product that the lab holds back until it is let go; calls after it are served. */
export interface Held {
  readonly reached: Promise<void>;
  letGo(): void;
}

export function hold(lab: Lab, call: Omit<FaultRule, 'action'>, condition: () => boolean = () => true): Held {
  let letGo = (): void => undefined;
  let onReached = (): void => undefined;
  const open = new Promise<void>((resolve) => (letGo = resolve));
  const reached = new Promise<void>((resolve) => (onReached = resolve));
  let isHeld = false;
  const run = () => {
    if (isHeld || !condition()) return undefined;
    isHeld = true;
    onReached();
    return open;
  };
  lab.faults.add({ ...call, action: { do: 'call', run } });
  return { reached, letGo };
}

/** Holds the look at the links that ends the hand-over: the first list the product reads while targets are linked. */
export function holdHandOver(lab: Lab): Held {
  const isLinked = () => lab.store.devices().some(({ isTarget }) => isTarget);
  return hold(lab, { system: 'array', operation: 'GET v1/volumes', when: 'before' }, isLinked);
}

/** The lab's configuration with other limits for all jobs; returns its path. */
export function configWith(lab: Lab, limits: Readonly<Record<string, number>>, job: object = {}): string {
  const config: { jobs: Record<string, { limits: object }> } = parse(readFileSync(lab.configFile, 'utf8'));
  for (const [name, old] of Object.entries(config.jobs)) {
    config.jobs[name] = { ...old, ...job, limits: { ...old.limits, ...limits } };
  }
  const file = path.join(lab.directory, `snaphook-${Object.values(limits).join('-')}-${Object.keys(job).length}.yaml`);
  writeFileSync(file, stringify(config));
  return file;
}

export async function until(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

/** Nothing frozen, nothing left, and the application in the guest goes on writing. */
export async function expectClean(site: Site): Promise<void> {
  expect(site.leftBehind()).toEqual([]);
  const written = site.lab.application.lastAcknowledged;
  await until(() => site.lab.application.lastAcknowledged > written);
}
