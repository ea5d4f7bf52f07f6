import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { HeldLock, Lock, Locks, LockUser } from '../ports/journal.ts';
import { ensureFolder } from './ensure-folder.ts';
import { isGone, ownMark, type ProcessMark, parseMark } from './process-mark.ts';
import { StopRequest, sweepRequestsTo, sweepStopRequests, watchForStop } from './stop-requests.ts';
import { systemErrorCode } from './system-error.ts';

/** Wall-clock time alone never takes a lock away: clocks jump and machines sleep. Whether the owner lives decides. */
const STALE_MS = 24 * 3_600_000;
const REFRESH_MS = 3_000;
/** Between making the lock and naming its owner there are milliseconds. */
const UNOWNED_LIFE_MS = 15_000;
const RETRY_PAUSE_MS = 100;

interface Owner extends ProcessMark {
  /** Of this one holding; what a request to stop is addressed to. */
  readonly id: string;
  readonly name: string;
  readonly since: string;
  readonly user: LockUser | undefined;
}

/**
 * Locks as folders (proper-lockfile), refreshed every few seconds. A holder that cannot refresh is told through `lost`.
 * The lock of a process of this machine that is gone is taken over at once; that of a living one never, however long it
 * was not refreshed.
 */
export function createFileLocks(folder: string, clock: Clock): Locks {
  return {
    async acquire(name, waitMs, waiting = {}) {
      const { signal } = waiting;
      await ensureFolder(folder, 0o700).catch((cause: unknown) => {
        throw new SnaphookError('E_JOURNAL', `lock folder "${folder}" cannot be made (${systemErrorCode(cause)})`, {
          cause,
          hint: 'Check `stateDirectory`: it must exist, or be possible to make, and belong to the account that runs the hook.',
        });
      });
      const file = path.join(folder, createHash('sha256').update(name).digest('hex').slice(0, 24));
      const requests: StopRequest[] = [];
      let met: string | undefined;
      let untilMs = clock.monotonicMs() + waitMs;
      try {
        for (;;) {
          signal?.throwIfAborted();
          const lock = await tryLock(file, name, waiting.user, clock);
          if (lock) return { ...lock, stoppedHolder: await wasAnyHeard(requests) };
          await releaseDeadOwner(file);
          const holder = waiting.meet && (await readOwner(file));
          if (waiting.meet && holder && holder.id !== met) {
            met = holder.id;
            const demand = waiting.meet(holder.user);
            untilMs = clock.monotonicMs() + demand.waitMs;
            if (demand.stop !== undefined) {
              const request = new StopRequest(file, holder.id, demand.stop);
              requests.push(request);
              await request.send();
            }
          }
          if (clock.monotonicMs() >= untilMs) throw await locked(file, name);
          await clock.sleep(Math.min(RETRY_PAUSE_MS, Math.max(1, untilMs - clock.monotonicMs())), signal);
        }
      } finally {
        for (const request of requests) await request.withdraw();
      }
    },

    async list() {
      const found: HeldLock[] = [];
      for (const file of await lockFiles(folder)) {
        const owner = await readOwner(file);
        if (owner) found.push({ name: owner.name, abandoned: isGone(owner) });
      }
      return found;
    },

    async sweep() {
      for (const file of await lockFiles(folder)) await releaseDeadOwner(file);
      await sweepStopRequests(folder, async (file) => (await readOwner(file))?.id);
    },
  };
}

async function wasAnyHeard(requests: readonly StopRequest[]): Promise<boolean> {
  for (const request of requests) if (await request.wasHeard()) return true;
  return false;
}

async function lockFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  const owners = names.filter((entry) => entry.endsWith(OWNER_SUFFIX));
  return owners.map((name) => path.join(folder, name.slice(0, -OWNER_SUFFIX.length)));
}

async function tryLock(
  file: string,
  name: string,
  user: LockUser | undefined,
  clock: Clock,
): Promise<Omit<Lock, 'stoppedHolder'> | undefined> {
  const lost = new AbortController();
  let release: () => Promise<void>;
  try {
    release = await lockfile.lock(file, {
      realpath: false,
      stale: STALE_MS,
      update: REFRESH_MS,
      onCompromised: () =>
        lost.abort(
          new SnaphookError('E_LOCKED', `lock "${name}" could not be refreshed and may be taken over`, {
            effect: 'unknown',
          }),
        ),
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
    since: clock.now().toISOString(),
    user,
    ...ownMark(),
  };
  await writeFile(ownerFile(file), JSON.stringify(owner), { mode: 0o600 });
  const stop = new AbortController();
  let unwatch = async (): Promise<void> => undefined;
  return {
    lost: lost.signal,
    listenForStop() {
      void unwatch();
      unwatch = watchForStop(file, owner.id, (who) =>
        stop.abort(new SnaphookError('E_INTERRUPTED', `interrupted, because ${who}`, { effect: 'unknown' })),
      );
      return stop.signal;
    },
    async release() {
      await unwatch();
      await sweepRequestsTo(file, owner.id);
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
    const { id, name, since, user } = owner as Partial<Owner>; // every field is checked on the next lines
    if (typeof id !== 'string' || typeof name !== 'string' || typeof since !== 'string') return undefined;
    const mark = parseMark(owner);
    return mark && { id, name, since, user: parseUser(user), ...mark };
  } catch {
    return undefined;
  }
}

function parseUser(value: unknown): LockUser | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { who, beganAtMs } = value as Partial<LockUser>; // every field is checked on the next line
  return typeof who === 'string' && typeof beganAtMs === 'number' ? { who, beganAtMs } : undefined;
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
  if (owner) return isGone(owner);
  const lock = await stat(`${file}.lock`).catch(() => undefined);
  return lock !== undefined && Date.now() - lock.mtimeMs > UNOWNED_LIFE_MS;
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
