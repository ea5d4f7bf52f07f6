import { timingSafeEqual } from 'node:crypto';

/** An account that may open remote shells. */
export interface GuestUser {
  readonly name: string;
  /** NetBIOS name of its domain; absent: a local account. */
  readonly domain?: string;
  readonly password: string;
}

const same = (left: string, right: string): boolean => left.toUpperCase() === right.toUpperCase();

/** The account named `domain\name`; for a local one the domain may be empty, `.`, or the computer's name. */
export function findUser(
  users: readonly GuestUser[],
  hostName: string,
  domain: string,
  name: string,
): GuestUser | undefined {
  return users.find(
    (user) =>
      same(user.name, name) &&
      (user.domain === undefined ? ['', '.'].includes(domain) || same(domain, hostName) : same(user.domain, domain)),
  );
}

export function accountName(user: GuestUser, hostName: string): string {
  return `${user.domain ?? hostName}\\${user.name}`;
}

/** Basic authentication: local accounts only, as WinRM does it. Undefined when it is not a right pair. */
export function checkBasic(users: readonly GuestUser[], hostName: string, credentials: string): GuestUser | undefined {
  const decoded = Buffer.from(credentials, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 0) return undefined;
  const [, domain = '', name = ''] = /^(?:([^\\]*)\\)?(.*)$/s.exec(decoded.slice(0, colon)) ?? [];
  const user = findUser(users, hostName, domain, name);
  if (user === undefined || user.domain !== undefined) return undefined;
  const expected = Buffer.from(user.password, 'utf8');
  const given = Buffer.from(decoded.slice(colon + 1), 'utf8');
  return expected.length === given.length && timingSafeEqual(expected, given) ? user : undefined;
}
