/** One refusal may be the guest's own, such as a right that is missing there; after two the password is wrong, and more would lock the account. */
const MOST_REFUSALS = 2;

/** What the way into a guest knows of its logins. */
interface Login<Result> {
  readonly attempt: () => Promise<Result>;
  readonly isRefusal: (thrown: unknown) => boolean;
  /** The error in place of a login that is not tried. */
  readonly notTried: (reason: string) => Error;
}

interface Account {
  isTaken: boolean;
  refusals: number;
  /** Never rejects. */
  underWay: Promise<void> | undefined;
}

/**
 * Logins by password with accounts that many guests share, in one process. Until one guest has taken an account, its logins come
 * one after the other: a password that has expired is not sent to all guests of a job at the same moment, as a domain then locks the account.
 */
export class AccountLogins {
  readonly #accounts = new Map<string, Account>();

  /** `username`: `DOMAIN\user` or `user@domain`; any other is an account of one guest alone, and never waits. */
  async login<Result>(username: string, login: Login<Result>): Promise<Result> {
    if (!isShared(username)) return await login.attempt();
    const account = this.#accountOf(username.toLowerCase());
    while (account.underWay && !account.isTaken) await account.underWay;
    if (account.isTaken) return await login.attempt();
    if (account.refusals >= MOST_REFUSALS) {
      throw login.notTried(`it was not tried, as ${MOST_REFUSALS} guests have refused the account`);
    }
    const own = tried(account, login);
    account.underWay = own.then(
      () => undefined,
      () => undefined,
    );
    return await own;
  }

  #accountOf(name: string): Account {
    const account = this.#accounts.get(name) ?? { isTaken: false, refusals: 0, underWay: undefined };
    this.#accounts.set(name, account);
    return account;
  }
}

async function tried<Result>(account: Account, { attempt, isRefusal }: Login<Result>): Promise<Result> {
  try {
    const result = await attempt();
    account.isTaken = true;
    return result;
  } catch (thrown) {
    if (isRefusal(thrown)) account.refusals += 1;
    throw thrown;
  } finally {
    account.underWay = undefined;
  }
}

const isShared = (username: string): boolean => /^[^.\\][^\\]*\\|@/.test(username);
