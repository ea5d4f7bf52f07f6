import {
  type ChildProcess,
  type ChildProcessByStdio,
  type SpawnOptions,
  type SpawnOptionsWithStdioTuple,
  type StdioNull,
  type StdioPipe,
  spawn,
} from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

type Streams<Stderr extends StdioNull | StdioPipe> = SpawnOptionsWithStdioTuple<StdioNull, StdioPipe, Stderr>;

/**
 * Starts a program that gets its three streams and no other descriptor of whoever started us: one that waits until all who hold its pipe
 * have closed it would else wait for what outlives us. We keep ours open, as it may be how our end is noticed.
 */
export function spawnApart(
  program: string,
  args: readonly string[],
  options: Streams<StdioPipe>,
): ChildProcessByStdio<null, Readable, Readable>;
export function spawnApart(
  program: string,
  args: readonly string[],
  options: Streams<StdioNull>,
): ChildProcessByStdio<null, Readable, null>;
export function spawnApart(
  program: string,
  args: readonly string[],
  options: SpawnOptions & Streams<StdioPipe | StdioNull>,
): ChildProcess {
  const inherited = inheritedDescriptors();
  if (inherited.length === 0) return spawn(program, args, options);
  // Node cannot close one in the program to come, but put another in its place.
  const nothing = openSync('/dev/null', 'r+');
  try {
    const rest = Array.from({ length: Math.max(...inherited) + 1 }, (_, descriptor) =>
      inherited.includes(descriptor) ? nothing : ('ignore' as const),
    );
    return spawn(program, args, { ...options, stdio: [...options.stdio, ...rest.slice(options.stdio.length)] });
  } finally {
    closeSync(nothing);
  }
}

const CLOSE_ON_EXEC = 0o2000000;

/**
 * Descriptors that a program we start would get beside its streams. Node marks the low ones at its start, up to the first gap above 15
 * (`uv_disable_stdio_inheritance`), and opens none that a program would get. Flags: proc_pid_fdinfo(5). Empty where there is no /proc.
 */
function inheritedDescriptors(): readonly number[] {
  const found = namesIn('/proc/self/fdinfo')
    .map(Number)
    .filter((descriptor) => descriptor > 2 && !isClosedOnExec(descriptor));
  // libuv copies each to a number above all of them first; those for which there is none stay.
  return found.filter((descriptor) => descriptor + found.length < openFilesLimit());
}

function isClosedOnExec(descriptor: number): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(textOf(`/proc/self/fdinfo/${descriptor}`))?.[1];
  // The one by which the folder was listed is gone.
  return flags === undefined || (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
}

function openFilesLimit(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(textOf('/proc/self/limits'))?.[1];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
