import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { WinRmError } from '../winrm-error.ts';
import { readCredentialCache } from './credential-cache.ts';
import { inPrivateFolder } from './private-folder.ts';
import { type KerberosAccount, login, runProgram } from './programs.ts';

interface KeytabAccount extends KerberosAccount {
  readonly keytab: string;
}

/** A credential cache, as `kinit` wrote it. */
interface Granted {
  readonly cache: Buffer;
  readonly endsAt: Date;
}

interface Login {
  granted: Granted | undefined;
  refusals: number;
  /** Never aborted by one of those who wait for it. */
  underWay: Promise<Granted> | undefined;
}

/** A ticket that ends sooner is not worth starting with: a session lasts minutes. */
export const LEAST_LIFE_MS = 600_000;
/** One may pass; after two the keytab has an old key, or the account is locked. */
const MOST_REFUSALS = 2;
const READABLE_BY_OTHERS = 0o077;

/**
 * Logins by keytab in one process: an account is logged in once, however many guests it has, and its tickets are kept in memory alone.
 * One that the domain refuses is not asked for again by every guest; one for which no domain controller was there is.
 */
export class KeytabLogins {
  readonly #logins = new Map<string, Login>();

  /** The account's tickets, as a credential cache. Errors: WinRmError `login`, `no-domain-controller`; the signal's reason when aborted. */
  async login(account: KeytabAccount, now: Date, signal?: AbortSignal): Promise<Buffer> {
    const { principal, keytab, programs = '' } = account;
    await requireProtected(keytab);
    const key = JSON.stringify([principal, keytab, programs]);
    const known = this.#logins.get(key) ?? { granted: undefined, refusals: 0, underWay: undefined };
    this.#logins.set(key, known);
    const { granted } = known;
    if (granted && granted.endsAt.getTime() - now.getTime() > LEAST_LIFE_MS) return granted.cache;
    if (!known.underWay && known.refusals >= MOST_REFUSALS) {
      throw login(
        `no ticket for "${principal}": it was not asked for, as that was in vain ${MOST_REFUSALS} times`,
        'Correct what was told of the first guests of this account, and start again.',
      );
    }
    known.underWay ??= grant(account, now, known);
    return (await untilAborted(known.underWay, signal)).cache;
  }
}

async function grant(account: KeytabAccount, now: Date, known: Login): Promise<Granted> {
  try {
    known.granted = await inPrivateFolder(now, async (folder) => {
      const file = path.join(folder, 'cache');
      const { principal, keytab } = account;
      await runProgram(account, 'kinit', ['-k', '-t', keytab, '-c', `FILE:${file}`, '--', principal], undefined);
      const cache = await readFile(file);
      return { cache, endsAt: endOf(cache, now) };
    });
    known.refusals = 0;
    return known.granted;
  } catch (thrown) {
    if (thrown instanceof WinRmError && thrown.problem.kind === 'login') known.refusals += 1;
    throw thrown;
  } finally {
    known.underWay = undefined;
  }
}

/** Of the ticket that others are granted for; one that cannot be found is not used again. */
function endOf(cache: Buffer, now: Date): Date {
  const granting = readCredentialCache(cache)?.find(({ service }) => service.components[0] === 'krbtgt');
  return granting?.endsAt ?? now;
}

async function requireProtected(keytab: string): Promise<void> {
  const mode = await stat(keytab).then(
    (found) => found.mode,
    () => {
      throw login(`keytab "${keytab}" cannot be read`, 'Check its path and its rights.');
    },
  );
  if ((mode & READABLE_BY_OTHERS) !== 0) {
    throw login(`keytab "${keytab}" can be read by others`, `Run: chmod 600 '${keytab}'`);
  }
}

/** Others wait for the same. */
async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (!signal) return await work;
  signal.throwIfAborted();
  const ended = new AbortController();
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: ended.signal });
      }),
    ]);
  } finally {
    ended.abort();
    work.catch(() => undefined);
  }
}
