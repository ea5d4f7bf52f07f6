import { spawn } from 'node:child_process';

/** Debian's own interpreter: another Python first on the path lacks the peers' packages. */
const PYTHON = '/usr/bin/python3';

/**
 * Runs a peer's script and resolves with its exit code, null when a signal ended it. The `ok` and `not ok` lines of
 * its checks go to standard output as they come, where `scripts/test-peers.mjs` counts them.
 */
export function runPeerScript(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(PYTHON, ['-u', script, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment },
    });
    child.once('error', reject);
    child.once('close', resolve);
  });
}
