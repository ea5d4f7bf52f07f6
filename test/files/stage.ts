import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What the script of the stage prepares. */
function prepared(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error('these suites run by `npm run test:files` or `npm run test:products`');
  return value;
}

const FOLDER = prepared('FILES_FOLDER');

/** Removed when the stage ends. */
export const newFolder = (name: string): string => mkdtempSync(path.join(FOLDER, `${name}-`));

/** Runs something that has to succeed and returns what it printed. */
export function must(
  command: string,
  args: readonly string[],
  input?: string,
  environment: Readonly<Record<string, string>> = {},
): string {
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000, input, env });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? (stderr || stdout)}`);
  return stdout.trim();
}

/** Mount points and loop devices below the folder. */
export function heldBelow(folder: string): readonly string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((mountPoint) => mountPoint.startsWith(`${folder}/`));
  const loops = readdirSync('/sys/block').filter((name) => {
    const backing = `/sys/block/${name}/loop/backing_file`;
    return existsSync(backing) && readFileSync(backing, 'utf8').startsWith(`${folder}/`);
  });
  return [...mounts, ...loops];
}
