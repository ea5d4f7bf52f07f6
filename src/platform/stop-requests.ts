import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isGone, isOfThisMachine, ownMark, type ProcessMark, parseMark } from './process-mark.ts';

const STOP_SUFFIX = '.stop';
const HEARD_SUFFIX = '.heard';
/** How soon a holder notices that somebody asks it to stop. */
const LOOK_EVERY_MS = 250;
/** Whether a requester of another machine still waits nobody can tell; no hook waits that long. */
const FAR_REQUEST_LIFE_MS = 24 * 3_600_000;

/**
 * Somebody who waits for a lock asks its holder to stop: a file beside the lock that bears the ids of this one holding and of this
 * one request, `LOCK.HOLDER.REQUEST.stop`. It reaches no later holder, and nobody else answers or withdraws it. The holder renames
 * it to `.heard` when it takes notice: that a request is not there any more proves nothing. Whoever asked removes both.
 */
export class StopRequest {
  readonly #file: string;
  readonly #why: string;

  constructor(lockFile: string, holderId: string, why: string) {
    this.#file = `${lockFile}.${holderId}.${randomUUID()}`;
    this.#why = why;
  }

  /** A request that cannot be written leaves us waiting as without one. */
  async send(): Promise<void> {
    const text = JSON.stringify({ why: this.#why, ...ownMark() });
    await writeFile(this.#file + STOP_SUFFIX, text, { flag: 'wx', mode: 0o600 }).catch(() => undefined);
  }

  async wasHeard(): Promise<boolean> {
    return stat(this.#file + HEARD_SUFFIX).then(
      () => true,
      () => false,
    );
  }

  /** What cannot be removed is swept later; it must not cost the lock that was just taken. */
  async withdraw(): Promise<void> {
    // In this order: what is withdrawn cannot be heard any more.
    for (const suffix of [STOP_SUFFIX, HEARD_SUFFIX]) {
      await rm(this.#file + suffix, { force: true }).catch(() => undefined);
    }
  }
}

/** Looks for requests to this holder until the returned function was called and is done. Keeps no process alive. */
export function watchForStop(lockFile: string, holderId: string, onStop: (who: string) => void): () => Promise<void> {
  const folder = path.dirname(lockFile);
  const incomplete = new Set<string>();
  let looking: Promise<void> | undefined;
  let isOver = false;
  const hear = async (name: string) => {
    const file = path.join(folder, name);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    const request = parseRequest(text);
    // Its name is the request; what is in it may still be on its way, or never come when who asked was killed.
    if (request === undefined && !incomplete.has(name)) {
      incomplete.add(name);
      return;
    }
    // A holder that gives the lock back was not stopped.
    if (isOver) return;
    const isHeard = await rename(file, file.slice(0, -STOP_SUFFIX.length) + HEARD_SUFFIX).then(
      () => true,
      () => false, // withdrawn meanwhile
    );
    if (isHeard) onStop(request ? `${request.why} (process ${request.pid} on ${request.host})` : 'another hook came');
  };
  const look = async () => {
    for (const { name, suffix } of await requestsTo(lockFile, holderId)) if (suffix === STOP_SUFFIX) await hear(name);
  };
  const timer = setInterval(() => {
    // A slow file system must not pile up looks.
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, LOOK_EVERY_MS);
  timer.unref();
  return async () => {
    isOver = true;
    clearInterval(timer);
    await looking;
  };
}

interface Request extends ProcessMark {
  readonly why: string;
}

/** Undefined for a request that is not complete. */
function parseRequest(text: string): Request | undefined {
  try {
    const request: unknown = JSON.parse(text);
    if (typeof request !== 'object' || request === null || !('why' in request) || typeof request.why !== 'string')
      return undefined;
    const mark = parseMark(request);
    return mark && { why: request.why, ...mark };
  } catch {
    return undefined;
  }
}

interface RequestFile {
  readonly name: string;
  readonly suffix: typeof STOP_SUFFIX | typeof HEARD_SUFFIX;
  readonly lock: string;
  readonly holderId: string;
}

async function requestFiles(folder: string): Promise<readonly RequestFile[]> {
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((name): RequestFile[] => {
    const suffix = [STOP_SUFFIX, HEARD_SUFFIX].find((end) => name.endsWith(end));
    const [lock = '', holderId = ''] = name.split('.');
    return suffix === STOP_SUFFIX || suffix === HEARD_SUFFIX ? [{ name, suffix, lock, holderId }] : [];
  });
}

async function requestsTo(lockFile: string, holderId: string): Promise<readonly RequestFile[]> {
  const lock = path.basename(lockFile);
  return (await requestFiles(path.dirname(lockFile))).filter(
    (file) => file.lock === lock && file.holderId === holderId,
  );
}

/** Of a holder that ends: removes what nobody waits for any more because it was killed. */
export async function sweepRequestsTo(lockFile: string, holderId: string): Promise<void> {
  const folder = path.dirname(lockFile);
  for (const { name } of await requestsTo(lockFile, holderId)) {
    const requester = await requesterOf(path.join(folder, name));
    if (requester !== undefined && isGone(requester)) await rm(path.join(folder, name), { force: true });
  }
}

/**
 * Removes requests whose requester is gone, and those to holders that are gone. An answer stays as long as somebody may wait for
 * it: that its holder is gone is what it was given for.
 */
export async function sweepStopRequests(
  folder: string,
  holderIdOf: (lockFile: string) => Promise<string | undefined>,
): Promise<void> {
  for (const { name, suffix, lock, holderId } of await requestFiles(folder)) {
    const file = path.join(folder, name);
    const requester = await requesterOf(file);
    // Listed first, asked second: the holder of a request that is listed had named itself before.
    const isHolderGone = (await holderIdOf(path.join(folder, lock))) !== holderId;
    const isOver =
      requester === undefined
        ? isHolderGone
        : isGone(requester) || (isHolderGone && (suffix === STOP_SUFFIX || !(await mayBeAwaited(file, requester))));
    if (isOver) await rm(file, { force: true });
  }
}

async function mayBeAwaited(file: string, requester: ProcessMark): Promise<boolean> {
  if (isOfThisMachine(requester)) return true;
  const stats = await stat(file).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs < FAR_REQUEST_LIFE_MS;
}

async function requesterOf(file: string): Promise<ProcessMark | undefined> {
  return parseRequest(await readFile(file, 'utf8').catch(() => ''));
}
