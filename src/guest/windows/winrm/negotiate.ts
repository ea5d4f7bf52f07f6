import type { HttpAnswer } from './http-exchange.ts';
import { WinRmError } from './winrm-error.ts';

export type Authentication = 'basic' | 'ntlm' | 'kerberos' | 'certificate';

/** The value of `Authorization` for a token of SPNEGO or NTLM (RFC 4559). */
export const negotiate = (token: Buffer): string => `Negotiate ${token.toString('base64')}`;

/** The token that the server sends along, if any. */
export function negotiateToken(answer: HttpAnswer): Buffer | undefined {
  for (const challenge of answer.challenges) {
    const token = /^Negotiate[ \t]+([A-Za-z0-9+/=]+)$/i.exec(challenge.trim())?.[1];
    if (token) return Buffer.from(token, 'base64');
  }
  return undefined;
}

const METHODS: Readonly<Record<Authentication, { readonly scheme: string; readonly refusal: string }>> = {
  basic: { scheme: 'Basic', refusal: 'user name or password refused' },
  ntlm: { scheme: 'Negotiate', refusal: 'user name or password refused' },
  kerberos: { scheme: 'Negotiate', refusal: 'the ticket was refused' },
  certificate: {
    scheme: 'http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual',
    refusal: 'the client certificate was refused',
  },
};

/** What a 401 means: the method is not offered, or the account was refused. */
export function refused(answer: HttpAnswer, authentication: Authentication): WinRmError {
  const offered = answer.challenges.map((challenge) => challenge.trim().split(/[ \t,]/)[0] ?? '');
  const { scheme: wanted, refusal } = METHODS[authentication];
  const has = offered.length === 0 || offered.some((scheme) => scheme.toLowerCase() === wanted.toLowerCase());
  const reason = has ? refusal : `the server does not offer ${wanted}, only ${printable(offered.join(', '))}`;
  return new WinRmError({ kind: 'login', reason });
}

const printable = (text: string): string => text.replace(/[^ -~]/g, '?').slice(0, 200);
