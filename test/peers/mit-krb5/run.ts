import { spawnSync } from 'node:child_process';

/** Runs a program that has to succeed; the error has what it said. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}
