import type { Socket } from 'node:net';
import { checkBasic, findUser, type GuestUser } from './guest-accounts.ts';
import { acceptKerberos, type KerberosService } from './kerberos/kerberos-acceptor.ts';
import { NtlmAcceptor, type NtlmIdentity } from './ntlm-acceptor.ts';
import { ntlmMessageType } from './ntlm-messages.ts';
import type { NtlmSession } from './ntlm-session.ts';
import type { SealedSession } from './sealed-body.ts';
import { formatSpnegoAnswer, parseSpnego, type SpnegoToken } from './spnego.ts';

export interface LoginPolicy extends NtlmIdentity {
  readonly basic: boolean;
  readonly negotiate: boolean;
  /** Absent: the guest is in no domain. */
  readonly kerberos?: KerberosService;
  /** Absent: log-on by client certificate is off, or there is no TLS. */
  readonly certificateUser?: (socket: Socket) => GuestUser | undefined;
}

export type LoginResult =
  /** `headers` go with the answer, whatever it is. */
  | {
      readonly kind: 'in';
      readonly user: GuestUser;
      readonly session: SealedSession | undefined;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'continue'; readonly token: string }
  /** `token`: what Negotiate tells the client about it. */
  | { readonly kind: 'refused'; readonly reason: string; readonly token?: string };

interface Negotiation {
  acceptor: NtlmAcceptor;
  /** The client's list of mechanisms, when it wraps its tokens in SPNEGO. */
  mechanisms: Buffer | undefined;
}

interface Context {
  readonly user: GuestUser;
  readonly session: SealedSession | undefined;
}

/** Log-ons over HTTP; a Negotiate context belongs to the TCP connection it was made on. */
export class ConnectionLogins {
  readonly #policy: LoginPolicy;
  readonly #negotiations = new WeakMap<Socket, Negotiation>();
  readonly #contexts = new WeakMap<Socket, Context>();

  constructor(policy: LoginPolicy) {
    this.#policy = policy;
  }

  /** What to offer in `WWW-Authenticate`. */
  get offers(): readonly string[] {
    const { negotiate, basic, certificateUser } = this.#policy;
    return [
      ...(negotiate ? ['Negotiate'] : []),
      ...(basic ? ['Basic realm="WSMAN"'] : []),
      ...(certificateUser ? [CERTIFICATE_PROFILE] : []),
    ];
  }

  check(socket: Socket, authorization: string | undefined): LoginResult {
    if (isCertificateLogin(authorization)) {
      const user = this.#policy.certificateUser?.(socket);
      return user ? { kind: 'in', user, session: undefined, headers: {} } : refused('no account for this certificate');
    }
    const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)\s*$/.exec(authorization ?? '') ?? [];
    if (scheme.toLowerCase() === 'basic' && this.#policy.basic) {
      const user = checkBasic(this.#policy.users, this.#policy.hostName, credentials);
      return user ? { kind: 'in', user, session: undefined, headers: {} } : refused('wrong user or password');
    }
    if (scheme.toLowerCase() === 'negotiate' && this.#policy.negotiate) {
      return this.#negotiate(socket, Buffer.from(credentials, 'base64'));
    }
    const context = this.#contexts.get(socket);
    if (authorization === undefined && context) return { kind: 'in', ...context, headers: {} };
    return refused(authorization === undefined ? 'no credentials' : `scheme "${scheme}" is not offered`);
  }

  #negotiate(socket: Socket, data: Buffer): LoginResult {
    const wrapped = ntlmMessageType(data) === undefined ? parseSpnego(data) : undefined;
    const token = wrapped ? wrapped.token : data;
    if (token?.[0] === KERBEROS_TOKEN && this.#policy.kerberos) return this.#kerberos(socket, token, wrapped);
    let negotiation = this.#negotiations.get(socket);
    if (negotiation === undefined || wrapped?.mechanisms !== undefined || (token && ntlmMessageType(token) === 1)) {
      this.#contexts.delete(socket);
      negotiation = {
        acceptor: new NtlmAcceptor(this.#policy),
        mechanisms: wrapped?.mechanisms ?? negotiation?.mechanisms,
      };
      this.#negotiations.set(socket, negotiation);
    }
    if (token === undefined) return this.#drop(socket, 'a SPNEGO token without a token of NTLM');
    const step = negotiation.acceptor.step(token);
    if (step.kind === 'refused') return this.#drop(socket, step.reason);
    if (step.kind === 'challenge') {
      const answer = wrapped ? formatSpnegoAnswer('ntlm', 'incomplete', step.token) : step.token;
      return { kind: 'continue', token: answer.toString('base64') };
    }
    this.#negotiations.delete(socket);
    const headers: Record<string, string> = {};
    if (wrapped) {
      const own = this.#mechanismListMic(negotiation, wrapped.mechanismListMic, step.session);
      if (own === 'wrong') return this.#drop(socket, 'wrong mechanism list MIC');
      headers['WWW-Authenticate'] =
        `Negotiate ${formatSpnegoAnswer('ntlm', 'completed', undefined, own).toString('base64')}`;
    }
    const context = { user: step.user, session: step.session };
    this.#contexts.set(socket, context);
    return { kind: 'in', ...context, headers };
  }

  /** One message and the answer to it; the context belongs to the connection as with NTLM. */
  #kerberos(socket: Socket, token: Buffer, wrapped: SpnegoToken | undefined): LoginResult {
    const { kerberos, channelBinding, strictChannelBinding, users, hostName } = this.#policy;
    if (kerberos === undefined) return this.#drop(socket, 'the guest is in no domain');
    this.#drop(socket, '');
    const step = acceptKerberos(kerberos, token, channelBinding, strictChannelBinding);
    // No proof of the list of mechanisms: the client's first choice was taken (RFC 4178 section 5).
    const answer = (state: 'completed' | 'rejected', reply: Buffer) =>
      (wrapped ? formatSpnegoAnswer('kerberos', state, reply) : reply).toString('base64');
    if (step.kind === 'refused') {
      return { ...refused(step.reason), ...(step.token ? { token: answer('rejected', step.token) } : {}) };
    }
    const user = findUser(users, hostName, step.domain, step.name);
    if (user === undefined) return refused(`no account "${step.domain}\\${step.name}"`);
    const context = { user, session: step.session };
    this.#contexts.set(socket, context);
    return {
      kind: 'in',
      ...context,
      headers: { 'WWW-Authenticate': `Negotiate ${answer('completed', step.token)}` },
    };
  }

  #mechanismListMic(
    { mechanisms }: Negotiation,
    clientMic: Buffer | undefined,
    session: NtlmSession | undefined,
  ): Buffer | undefined | 'wrong' {
    if (clientMic === undefined) return undefined;
    return (mechanisms && session?.exchangeMechanismListMic(mechanisms, clientMic)) ?? 'wrong';
  }

  #drop(socket: Socket, reason: string): LoginResult {
    this.#negotiations.delete(socket);
    this.#contexts.delete(socket);
    return refused(reason);
  }
}

export const CERTIFICATE_PROFILE = 'http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual';
/** The first byte of a token of GSS; those of NTLM begin with its name. */
const KERBEROS_TOKEN = 0x60;

export const isCertificateLogin = (authorization: string | undefined): boolean =>
  authorization?.trim().toLowerCase() === CERTIFICATE_PROFILE;

function refused(reason: string): { readonly kind: 'refused'; readonly reason: string } {
  return { kind: 'refused', reason };
}
