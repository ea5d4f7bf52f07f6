// Debian packages for the opt-in test stages: what is installed, and installing what is missing as root.
import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';

export const run = (command, args, options) =>
  spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 100 * 1024 * 1024,
    ...options,
  });

/** Runs something that has to succeed and returns what it printed; the error has the last lines it said. */
export function must(command, args, options) {
  const { error, status, stdout, stderr } = run(command, args, options);
  if (status === 0) return stdout;
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-3).join(' | ');
  throw new Error(`${command} ${args[0]}: ${error?.message ?? said}`);
}

const isInstalled = (name) =>
  /^Status: install ok installed$/m.test(run('dpkg-query', ['--status', name]).stdout ?? '');

const environment = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };

export function needRoot(purpose) {
  if (process.getuid?.() !== 0) throw new Error(`needs root to ${purpose}`);
}

/** Suites that run side by side take turns: a second apt-get would fail at the lock of the first. */
const inTurn = (...command) => must('flock', ['/run/lock/snaphook-apt.lock', ...command], environment);

/** Written when a suite here has fetched the package lists: those after it need not do it again. */
const LISTS_STAMP = '/run/lock/snaphook-apt-lists';
const LISTS_ARE_NEW_MS = 60 * 60_000;
const listsAreNew = () =>
  Date.now() - (statSync(LISTS_STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0) < LISTS_ARE_NEW_MS;

/** apt-get with fresh package lists; throws why it cannot be had. */
export function aptGet(args, purpose) {
  needRoot(purpose);
  process.stderr.write(`apt-get to ${purpose} ...\n`);
  if (!listsAreNew()) {
    inTurn('apt-get', 'update', '-q', '-o', 'Acquire::Retries=3');
    writeFileSync(LISTS_STAMP, '');
  }
  // A suite that ran out of its time may have been stopped in the middle of this.
  inTurn('dpkg', '--configure', '--pending');
  return inTurn('apt-get', '-y', '-q', '-o', 'Acquire::Retries=3', ...args);
}

export function installPackages(packages) {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  aptGet(['install', '--no-install-recommends', ...missing], `install ${missing.join(' ')}`);
}
