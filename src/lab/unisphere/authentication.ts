import { createHash, timingSafeEqual } from 'node:crypto';
import type { RestAnswer } from './answers.ts';
import type { LabUser } from './rest-call.ts';

export type AuthenticationFailure = 'no credentials' | 'wrong credentials';

/** HTTP Basic, with every request. */
export function authenticate(
  authorization: string | undefined,
  users: readonly LabUser[],
): LabUser | AuthenticationFailure {
  const encoded = /^Basic\s+(\S+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return 'no credentials';
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const at = text.indexOf(':');
  const [name, password] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  return users.find((user) => user.name === name && same(user.password, password)) ?? 'wrong credentials';
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));

/** Without credentials there is no body at all; with wrong ones it is a page, not JSON. */
export const unauthorized = (failure: AuthenticationFailure): RestAnswer => ({
  status: 401,
  headers: { 'WWW-Authenticate': 'Basic realm="Unisphere"' },
  ...(failure === 'wrong credentials' && {
    text: {
      contentType: 'text/html',
      content: '<html><head><title>Error</title></head><body>Unauthorized</body></html>',
    },
  }),
});
