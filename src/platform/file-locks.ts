import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { HeldLock, Lock, Locks } from '../ports/journal.ts';
import { ensureFolder } from './ensure-folder.ts';
import { isProcessAlive } from './process-alive.ts';
import { StopRequest, sweepStopRequests, watchForStop } from './stop-requests.ts';
import { systemErrorCode } from './system-error.ts';

/** Wall-clock time alone never takes a lock away: clocks jump and machines sleep. Whether the owner lives decides. */
const STALE_MS = 24 * 3_600_000;
const REFRESH_MS = 3_000;
/** Between making the lock and naming its owner there are milliseconds. */
const UNOWNED_LIFE_MS = 15_000;
const RETRY_PAUSE_MS = 100;

interface Owner {
  /** Of this one holding; what a request to stop is addressed to. */
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  /** When the process started, in clock ticks since boot (Linux): tells a process from a later one with its number. */
  readonly startTicks: string | undefined;
}

/**
 * Locks as folders (proper-lockfile), refreshed every few seconds. A holder that cannot refresh is told through `lost`.
 * The lock of a process of this machine that is gone is taken over at once; that of a living one never, however long it
 * was not refreshed.
 */
export function createFileLocks(folder: string, clock: Clock): Locks {
  return {
    async acquire(name, waitMs, { signal, stopHolder } = {}) {
      await ensureFolder(folder, 0o700).catch((cause: unknown) => {
        throw new SnaphookError('E_JOURNAL', `lock folder "${folder}" cannot be made (${systemErrorCode(cause)})`, {
          cause,
          hint: 'Check `stateDirectory`: it must exist, or be possible to make, and belong to the account that runs the hook.',
        });
      });
      const file = path.join(folder, createHash('sha256').update(name).digest('hex').slice(0, 24));
      const untilMs = clock.monotonicMs() + waitMs;
      const request = stopHolder === undefined ? undefined : new StopRequest(file, stopHolder);
      try {
        for (;;) {
          signal?.throwIfAborted();
          const lock = await tryLock(file, name, clock);
          if (lock) return { ...lock, stoppedHolder: (await request?.wasNoticed()) ?? false };
          await releaseDeadOwner(file);
          const holder = request && (await readOwner(file));
          const isLater = holder !== undefined && !(await request?.send(holder.id));
          if (isLater || clock.monotonicMs() >= untilMs) throw await locked(file, name);
          await clock.sleep(Math.min(RETRY_PAUSE_MS, Math.max(1, untilMs - clock.monotonicMs())), signal);
        }
      } finally {
        await request?.withdraw();
      }
    },

    async list() {
      const found: HeldLock[] = [];
      for (const file of await lockFiles(folder)) {
        const owner = await readOwner(file);
        if (owner) found.push({ name: owner.name, abandoned: isDead(owner) });
      }
      return found;
    },

    async sweep() {
      for (const file of await lockFiles(folder)) await releaseDeadOwner(file);
      await sweepStopRequests(folder, async (file) => (await readOwner(file))?.id);
    },
  };
}

async function lockFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  const owners = names.filter((entry) => entry.endsWith(OWNER_SUFFIX));
  return owners.map((name) => path.join(folder, name.slice(0, -OWNER_SUFFIX.length)));
}

async function tryLock(file: string, name: string, clock: Clock): Promise<Omit<Lock, 'stoppedHolder'> | undefined> {
  const lost = new AbortController();
  let release: () => Promise<void>;
  try {
    release = await lockfile.lock(file, {
      realpath: false,
      stale: STALE_MS,
      update: REFRESH_MS,
      onCompromised: () =>
        lost.abort(new SnaphookError('E_LOCKED', `lock "${name}" could not be refreshed and may be taken over`)),
    });
  } catch (error) {
    if (isCode(error, 'ELOCKED')) return undefined;
    throw new SnaphookError(
      'E_JOURNAL',
      `lock "${name}" cannot be made in the state directory (${systemErrorCode(error)})`,
      {
        cause: error,
        hint: 'Check free space and rights of `stateDirectory`.',
      },
    );
  }
  const owner: Owner = {
    id: randomUUID(),
    name,
    pid: process.pid,
    host: os.hostname(),
    since: clock.now().toISOString(),
    startTicks: startTicksOf(process.pid),
  };
  await writeFile(ownerFile(file), JSON.stringify(owner), { mode: 0o600 });
  const stop = new AbortController();
  let unwatch = (): void => undefined;
  return {
    lost: lost.signal,
    listenForStop() {
      unwatch();
      unwatch = watchForStop(file, owner.id, (who) =>
        stop.abort(new SnaphookError('E_INTERRUPTED', `interrupted, because ${who}`, { effect: 'unknown' })),
      );
      return stop.signal;
    },
    async release() {
      unwatch();
      await rm(ownerFile(file), { force: true });
      await release().catch(() => undefined);
    },
  };
}

const OWNER_SUFFIX = '.owner';
const ownerFile = (file: string): string => file + OWNER_SUFFIX;

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const owner: unknown = JSON.parse(await readFile(ownerFile(file), 'utf8'));
    if (typeof owner !== 'object' || owner === null) return undefined;
    const { id, name, pid, host, since, startTicks } = owner as Partial<Owner>; // every field is checked on the next lines
    if (
      typeof id !== 'string' ||
      typeof name !== 'string' ||
      typeof pid !== 'number' ||
      typeof host !== 'string' ||
      typeof since !== 'string'
    )
      return undefined;
    return { id, name, pid, host, since, startTicks: typeof startTicks === 'string' ? startTicks : undefined };
  } catch {
    return undefined;
  }
}

/**
 * Removes the lock of a dead process. Waiters do this one after the other, and each looks at the owner again, so that a fresh
 * lock is never removed; who comes next is decided by making the lock folder, which succeeds once.
 */
async function releaseDeadOwner(file: string): Promise<void> {
  if (!(await isAbandoned(file))) return;
  const breaker = await lockfile
    .lock(`${file}.breaker`, { realpath: false, stale: UNOWNED_LIFE_MS })
    .catch(() => undefined);
  if (!breaker) return;
  try {
    if (!(await isAbandoned(file))) return;
    await rm(ownerFile(file), { force: true });
    await rmdir(`${file}.lock`).catch(() => undefined);
  } finally {
    await breaker().catch(() => undefined);
  }
}

async function isAbandoned(file: string): Promise<boolean> {
  const owner = await readOwner(file);
  if (owner) return isDead(owner);
  const lock = await stat(`${file}.lock`).catch(() => undefined);
  return lock !== undefined && Date.now() - lock.mtimeMs > UNOWNED_LIFE_MS;
}

function isDead(owner: Owner): boolean {
  if (owner.host !== os.hostname()) return false;
  if (!isProcessAlive(owner.pid)) return true;
  return owner.startTicks !== undefined && startTicksOf(owner.pid) !== owner.startTicks;
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

async function locked(file: string, name: string): Promise<SnaphookError> {
  const owner = await readOwner(file);
  const who = owner ? ` by process ${owner.pid} on ${owner.host} since ${owner.since}` : '';
  return new SnaphookError('E_LOCKED', `"${name}" is in use${who}`, {
    hint: 'Wait for the other run to end; `snaphook status` shows it.',
    retry: 'safe',
  });
}

const isCode = (error: unknown, code: string): boolean => systemErrorCode(error) === code;
