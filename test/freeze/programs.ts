import { spawnSync } from 'node:child_process';

/** Runs something that has to succeed and returns what it printed. */
export function must(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || stdout}`);
  return stdout.trim();
}

export function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { timeout: 60_000 }).status === 0;
}
