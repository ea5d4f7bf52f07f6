import { spawn } from 'node:child_process';
import path from 'node:path';

/** The folder of `npm run test:vss` with snaphook-vss.exe, its DLL, and what takes the place of Windows around them. */
export const PROGRAMS = process.env.VSS_PROGRAMS ?? '';

/**
 * Runs one of the programs and resolves with its exit code, null when a signal ended it. Its `ok` and `not ok` lines go to standard
 * output as they come, where `scripts/run-suite.mjs` counts them.
 */
export function runChecks(name: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn('wine', [path.join(PROGRAMS, name)], { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('close', resolve);
  });
}
