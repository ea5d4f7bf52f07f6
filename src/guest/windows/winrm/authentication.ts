import type { TlsIdentity } from '../../../platform/tls.ts';
import type { Credential } from './kerberos/credential-cache.ts';
import type { LoginPeer } from './login-peer.ts';
import { negotiate, negotiateToken, refused } from './negotiate.ts';
import { answerNtlm, startNtlm } from './ntlm-login.ts';
import type { NtlmSecurity } from './ntlm-security.ts';
import { WinRmError } from './winrm-error.ts';

export interface PasswordCredentials {
  readonly authentication: 'basic' | 'ntlm';
  readonly username: string;
  readonly password: string;
}

export type WinRmCredentials =
  | PasswordCredentials
  /** The ticket is for the guest's service; one ticket serves many connections. */
  | { readonly authentication: 'kerberos'; readonly ticket: Credential }
  /** Over https only. The guest has mapped the certificate to one of its local accounts. */
  | { readonly authentication: 'certificate'; readonly identity: TlsIdentity };

/** The header for Basic; the caller has made sure that the channel is TLS. */
export function basicAuthorization(credentials: PasswordCredentials): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

/** The header that says that the TLS client certificate is the account (DSP0226, security profile https/mutual). */
export const CERTIFICATE_AUTHORIZATION = 'http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual';

/**
 * Logs one connection in with NTLM inside Negotiate: three messages on that connection, the requests empty
 * (MS-NLMP 1.3.1.1, RFC 4559). Throws `login` when refused; nothing is tried twice.
 */
export async function loginNtlm(credentials: PasswordCredentials, peer: LoginPeer): Promise<NtlmSecurity> {
  const challenged = await peer.post(negotiate(startNtlm()));
  if (challenged.status !== 401) throw new WinRmError({ kind: 'http', status: challenged.status });
  const challenge = negotiateToken(challenged);
  if (!challenge) throw refused(challenged, 'ntlm');
  const { username, password } = credentials;
  const answer = answerNtlm({ username, password, host: peer.host, channelBinding: peer.channelBinding }, challenge);
  if (!answer)
    throw new WinRmError({ kind: 'malformed', reason: 'the NTLM challenge is damaged or lacks 128-bit sealing' });
  const answered = await peer.post(negotiate(answer.message));
  if (answered.status === 401) throw refused(answered, 'ntlm');
  if (answered.status >= 300) throw new WinRmError({ kind: 'http', status: answered.status });
  return answer.security;
}
