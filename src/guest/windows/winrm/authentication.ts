import type { HttpAnswer } from './http-exchange.ts';
import { answerNtlm, startNtlm } from './ntlm-login.ts';
import type { NtlmSecurity } from './ntlm-security.ts';
import { WinRmError } from './winrm-error.ts';

export interface WinRmCredentials {
  readonly authentication: 'basic' | 'ntlm';
  readonly username: string;
  readonly password: string;
}

const SCHEME = { basic: 'Basic', ntlm: 'Negotiate' } as const;

/** The header for Basic; the caller has made sure that the channel is TLS. */
export function basicAuthorization(credentials: WinRmCredentials): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

export interface NtlmPeer {
  readonly host: string;
  readonly channelBinding: Buffer | undefined;
  /** Sends an empty request with this Authorization header on the connection being logged in. */
  readonly post: (authorization: string) => Promise<HttpAnswer>;
}

/**
 * Logs one connection in with NTLM inside Negotiate: three messages on that connection, the requests empty
 * (MS-NLMP 1.3.1.1, RFC 4559). Throws `login` when refused; nothing is tried twice.
 */
export async function loginNtlm(credentials: WinRmCredentials, peer: NtlmPeer): Promise<NtlmSecurity> {
  const challenged = await peer.post(negotiate(startNtlm()));
  if (challenged.status !== 401) throw new WinRmError({ kind: 'http', status: challenged.status });
  const answer = answerNtlm(
    {
      username: credentials.username,
      password: credentials.password,
      host: peer.host,
      channelBinding: peer.channelBinding,
    },
    challengeToken(challenged),
  );
  if (!answer)
    throw new WinRmError({ kind: 'malformed', reason: 'the NTLM challenge is damaged or lacks 128-bit sealing' });
  const answered = await peer.post(negotiate(answer.message));
  if (answered.status === 401) throw refused(answered, 'ntlm');
  if (answered.status >= 300) throw new WinRmError({ kind: 'http', status: answered.status });
  return answer.security;
}

const negotiate = (message: Buffer): string => `Negotiate ${message.toString('base64')}`;

function challengeToken(answer: HttpAnswer): Buffer {
  for (const challenge of answer.challenges) {
    const token = /^Negotiate[ \t]+([A-Za-z0-9+/=]+)$/i.exec(challenge.trim())?.[1];
    if (token) return Buffer.from(token, 'base64');
  }
  throw refused(answer, 'ntlm');
}

/** What a 401 means: the method is not offered, or the account was refused. */
export function refused(answer: HttpAnswer, authentication: WinRmCredentials['authentication']): WinRmError {
  const offered = answer.challenges.map((challenge) => challenge.trim().split(/[ \t,]/)[0] ?? '');
  const wanted = SCHEME[authentication];
  const has = offered.length === 0 || offered.some((scheme) => scheme.toLowerCase() === wanted.toLowerCase());
  const reason = has
    ? 'user name or password refused'
    : `the server does not offer ${wanted}, only ${printable(offered.join(', '))}`;
  return new WinRmError({ kind: 'login', reason });
}

const printable = (text: string): string => text.replace(/[^ -~]/g, '?').slice(0, 80);
