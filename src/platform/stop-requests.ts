import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemErrorCode } from './system-error.ts';

const STOP_SUFFIX = '.stop';
/** How soon a holder notices that somebody asks it to stop. */
const LOOK_EVERY_MS = 250;

const requestFile = (lockFile: string, holderId: string): string => `${lockFile}.${holderId}${STOP_SUFFIX}`;

/**
 * Somebody who waits for a lock asks its holder to stop: a file beside the lock that bears the holder's id, so that it can never
 * reach a later holder. The holder removes it when it takes notice; whoever asked removes it when the wait is over.
 */
export class StopRequest {
  readonly #lockFile: string;
  readonly #why: string;
  #holderId: string | undefined;

  constructor(lockFile: string, why: string) {
    this.#lockFile = lockFile;
    this.#why = why;
  }

  /** Asks the holder that is met first. False: the lock has another holder by now. */
  async send(holderId: string): Promise<boolean> {
    if (this.#holderId !== undefined) return this.#holderId === holderId;
    this.#holderId = holderId;
    const text = JSON.stringify({ why: this.#why, pid: process.pid, host: os.hostname() });
    await writeFile(requestFile(this.#lockFile, holderId), text, { flag: 'wx', mode: 0o600 }).catch(
      (error: unknown) => {
        // Somebody else has asked already; a request that cannot be written leaves us waiting as without one.
        if (systemErrorCode(error) !== 'EEXIST') this.#holderId = undefined;
      },
    );
    return true;
  }

  async wasNoticed(): Promise<boolean> {
    if (this.#holderId === undefined) return false;
    return stat(requestFile(this.#lockFile, this.#holderId)).then(
      () => false,
      () => true,
    );
  }

  async withdraw(): Promise<void> {
    if (this.#holderId === undefined) return;
    // What cannot be removed is swept later; it must not cost the lock that was just taken.
    await rm(requestFile(this.#lockFile, this.#holderId), { force: true }).catch(() => undefined);
  }
}

/** Looks for requests to this holder until the returned function is called. Keeps no process alive. */
export function watchForStop(lockFile: string, holderId: string, onStop: (who: string) => void): () => void {
  const file = requestFile(lockFile, holderId);
  let looking = false;
  let incomplete = false;
  const look = async () => {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    const who = parseRequest(text);
    // Its name is the request; what is in it may still be on its way, or never come when who asked was killed.
    if (who === undefined && !incomplete) {
      incomplete = true;
      return;
    }
    await rm(file, { force: true }).catch(() => undefined);
    onStop(who ?? 'another hook came');
  };
  const timer = setInterval(() => {
    if (looking) return; // a slow file system must not pile up looks
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Undefined for a request that is not complete. */
function parseRequest(text: string): string | undefined {
  try {
    const request: unknown = JSON.parse(text);
    if (typeof request !== 'object' || request === null || !('why' in request) || typeof request.why !== 'string')
      return undefined;
    const pid = 'pid' in request ? String(request.pid) : 'unknown';
    const host = 'host' in request ? String(request.host) : 'an unknown host';
    return `${request.why} (process ${pid} on ${host})`;
  } catch {
    return undefined;
  }
}

/** Removes requests to holders that are gone. Who asked removes its own, unless it was killed. */
export async function sweepStopRequests(
  folder: string,
  holderIdOf: (lockFile: string) => Promise<string | undefined>,
): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((entry) => entry.endsWith(STOP_SUFFIX))) {
    const [lock = '', holderId] = name.slice(0, -STOP_SUFFIX.length).split('.');
    // Listed first, asked second: the holder of a request that is listed had named itself before.
    if ((await holderIdOf(path.join(folder, lock))) !== holderId) await rm(path.join(folder, name), { force: true });
  }
}
