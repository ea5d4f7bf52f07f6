import type { Socket } from 'node:net';
import { checkBasic, type GuestUser } from './guest-accounts.ts';
import { NtlmAcceptor, type NtlmIdentity } from './ntlm-acceptor.ts';
import { ntlmMessageType } from './ntlm-messages.ts';
import type { NtlmSession } from './ntlm-session.ts';
import { formatSpnegoAnswer, parseSpnego } from './spnego.ts';

export interface LoginPolicy extends NtlmIdentity {
  readonly basic: boolean;
  readonly negotiate: boolean;
}

export type LoginResult =
  /** `headers` go with the answer, whatever it is. */
  | {
      readonly kind: 'in';
      readonly user: GuestUser;
      readonly session: NtlmSession | undefined;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'continue'; readonly token: string }
  | { readonly kind: 'refused'; readonly reason: string };

interface Negotiation {
  acceptor: NtlmAcceptor;
  /** The client's list of mechanisms, when it wraps its tokens in SPNEGO. */
  mechanisms: Buffer | undefined;
}

interface Context {
  readonly user: GuestUser;
  readonly session: NtlmSession | undefined;
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
    return [...(this.#policy.negotiate ? ['Negotiate'] : []), ...(this.#policy.basic ? ['Basic realm="WSMAN"'] : [])];
  }

  check(socket: Socket, authorization: string | undefined): LoginResult {
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
      const answer = wrapped ? formatSpnegoAnswer('incomplete', step.token) : step.token;
      return { kind: 'continue', token: answer.toString('base64') };
    }
    this.#negotiations.delete(socket);
    const headers: Record<string, string> = {};
    if (wrapped) {
      const own = this.#mechanismListMic(negotiation, wrapped.mechanismListMic, step.session);
      if (own === 'wrong') return this.#drop(socket, 'wrong mechanism list MIC');
      headers['WWW-Authenticate'] = `Negotiate ${formatSpnegoAnswer('completed', undefined, own).toString('base64')}`;
    }
    const context = { user: step.user, session: step.session };
    this.#contexts.set(socket, context);
    return { kind: 'in', ...context, headers };
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

function refused(reason: string): LoginResult {
  return { kind: 'refused', reason };
}
