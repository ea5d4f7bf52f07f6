import { systemErrorCode } from './system-error.ts';

/** Is there a process of that number on this machine? It may be a later one than the number once belonged to. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH';
  }
}
