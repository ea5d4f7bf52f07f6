import { readFileSync } from 'node:fs';
import os from 'node:os';
import { isProcessAlive } from './process-alive.ts';

/** Which process of which machine made a file of the lock folder. */
export interface ProcessMark {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in clock ticks since boot (Linux): tells a process from a later one with its number. */
  readonly startTicks: string | undefined;
}

export const ownMark = (): ProcessMark => ({
  pid: process.pid,
  host: os.hostname(),
  startTicks: startTicksOf(process.pid),
});

/** Undefined for a value that is no mark. */
export function parseMark(value: object): ProcessMark | undefined {
  const { pid, host, startTicks } = value as Partial<ProcessMark>; // every field is checked on the next lines
  if (typeof pid !== 'number' || typeof host !== 'string') return undefined;
  return { pid, host, startTicks: typeof startTicks === 'string' ? startTicks : undefined };
}

export const isOfThisMachine = ({ host }: ProcessMark): boolean => host === os.hostname();

/** A process of this machine that is not there any more. Of another machine nobody can tell. */
export function isGone(mark: ProcessMark): boolean {
  if (!isOfThisMachine(mark)) return false;
  if (!isProcessAlive(mark.pid)) return true;
  return mark.startTicks !== undefined && startTicksOf(mark.pid) !== mark.startTicks;
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)); the command in field 2 may hold blanks and brackets. Undefined elsewhere. */
function startTicksOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
