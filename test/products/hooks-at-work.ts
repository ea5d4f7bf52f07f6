import { readdirSync, readFileSync } from 'node:fs';

/** Process ids of hooks on this machine. */
export function hooksAtWork(phase = '(pre|post|list)'): readonly number[] {
  const isHook = new RegExp(`snaphook[^\0]*\0hook\0${phase}\0`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isHook.test(commandOf(name)) && !/^sudo\0/.test(commandOf(name)))
    .map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it ended
  }
}
