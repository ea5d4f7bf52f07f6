import type { Socket } from 'node:net';
import type { TlsTrust } from '../../../platform/tls.ts';
import { parseXml, type XmlElement } from '../../../platform/xml.ts';
import type { Clock } from '../../../ports/clock.ts';
import { withDeadline } from '../../deadline.ts';
import { basicAuthorization, CERTIFICATE_AUTHORIZATION, loginNtlm, type WinRmCredentials } from './authentication.ts';
import { requireUsableCertificate } from './client-certificate.ts';
import { faultOf } from './faults.ts';
import { type HttpAnswer, OneSocketAgent, post } from './http-exchange.ts';
import { loginKerberos } from './kerberos/kerberos-login.ts';
import { NAMESPACE } from './namespaces.ts';
import { type Authentication, refused } from './negotiate.ts';
import { isSealed, type MessageSecurity, SEALED_CONTENT_TYPE, sealMessage, unsealMessage } from './sealing.ts';
import { openSocket } from './secure-socket.ts';
import { tlsServerEndPoint } from './tls-end-point.ts';
import { WinRmError } from './winrm-error.ts';

export interface WinRmEndpoint {
  readonly address: string;
  readonly port: number;
  readonly scheme: 'https' | 'http';
  /** For https. */
  readonly tls: TlsTrust;
  readonly connectTimeoutMs: number;
}

const SOAP_CONTENT_TYPE = 'application/soap+xml;charset=UTF-8';
const PATH = '/wsman';

type Security =
  /** Every request carries this header. */
  | { readonly kind: 'header'; readonly authorization: string }
  /** Over TLS the login alone is enough. */
  | { readonly kind: 'logged-in' }
  | { readonly kind: 'sealed'; readonly messages: MessageSecurity };

/** What is not sent without TLS. */
const NEEDS_TLS: Readonly<Partial<Record<Authentication, string>>> = {
  basic: 'Basic',
  certificate: 'a client certificate',
};

/**
 * Connects and logs in: one TCP connection that stays open and is never replaced silently. Basic and certificates are
 * refused without TLS; NTLM and Kerberos without TLS seal every message.
 * @throws WinRmError `unreachable`, `untrusted`, `login`, `timeout`, `malformed`; the signal's reason when aborted.
 */
export async function openConnection(
  endpoint: WinRmEndpoint,
  credentials: WinRmCredentials,
  clock: Clock,
  signal?: AbortSignal,
): Promise<WinRmConnection> {
  const needsTls = NEEDS_TLS[credentials.authentication];
  if (needsTls !== undefined && endpoint.scheme !== 'https') {
    throw new WinRmError({ kind: 'login', reason: `${needsTls} is not sent without TLS` });
  }
  const identity = credentials.authentication === 'certificate' ? credentials.identity : undefined;
  if (identity) requireUsableCertificate(identity, clock.now());
  const { connectTimeoutMs } = endpoint;
  const late = () =>
    new WinRmError({ kind: 'unreachable', reason: `no connection and login within ${connectTimeoutMs} ms` });
  return await withDeadline(clock, connectTimeoutMs, signal, late, async (limited) => {
    const tls = endpoint.scheme === 'https' ? endpoint.tls : undefined;
    const opened = await openSocket({ address: endpoint.address, port: endpoint.port, tls, identity }, limited);
    const { socket } = opened;
    try {
      const agent = new OneSocketAgent(socket);
      const now = clock.now();
      const security = await login(endpoint, credentials, { agent, certificate: opened.certificate, now }, limited);
      return new WinRmConnection(endpoint, clock, socket, agent, {
        authentication: credentials.authentication,
        security,
      });
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
  });
}

interface Opened {
  readonly agent: OneSocketAgent;
  /** The server's, in DER; undefined without TLS. */
  readonly certificate: Buffer | undefined;
  readonly now: Date;
}

async function login(
  endpoint: WinRmEndpoint,
  credentials: WinRmCredentials,
  { agent, certificate, now }: Opened,
  signal: AbortSignal,
): Promise<Security> {
  const peer = {
    host: endpoint.address,
    channelBinding: certificate && tlsServerEndPoint(certificate),
    post: (authorization: string) => {
      const headers = { 'Content-Type': SOAP_CONTENT_TYPE, Authorization: authorization };
      return post({ agent, host: hostHeader(endpoint), path: PATH, headers, body: Buffer.alloc(0) }, signal);
    },
  };
  const negotiated = (messages: MessageSecurity): Security =>
    endpoint.scheme === 'https' ? { kind: 'logged-in' } : { kind: 'sealed', messages };
  switch (credentials.authentication) {
    case 'basic':
      return { kind: 'header', authorization: basicAuthorization(credentials) };
    case 'certificate':
      return { kind: 'header', authorization: CERTIFICATE_AUTHORIZATION };
    case 'ntlm':
      return negotiated(await loginNtlm(credentials, peer));
    case 'kerberos':
      return negotiated(await loginKerberos(credentials.ticket, peer, now));
  }
}

const hostName = (address: string): string => (address.includes(':') ? `[${address}]` : address);
const hostHeader = (endpoint: WinRmEndpoint): string => `${hostName(endpoint.address)}:${endpoint.port}`;

/** An open, logged-in connection. Requests run one after the other, in the order of the calls. */
export class WinRmConnection {
  /** The endpoint's URL, for the messages' `To`. */
  readonly url: string;
  readonly #endpoint: WinRmEndpoint;
  readonly #clock: Clock;
  readonly #socket: Socket;
  readonly #agent: OneSocketAgent;
  readonly #authentication: Authentication;
  readonly #security: Security;
  #lastRequest: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(
    endpoint: WinRmEndpoint,
    clock: Clock,
    socket: Socket,
    agent: OneSocketAgent,
    login: { readonly authentication: Authentication; readonly security: Security },
  ) {
    this.url = `${endpoint.scheme}://${hostHeader(endpoint)}${PATH}`;
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#socket = socket;
    this.#agent = agent;
    this.#authentication = login.authentication;
    this.#security = login.security;
  }

  /** False once the connection was closed or broken: it never opens again. */
  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /** True while a request is unanswered. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Sends one SOAP message and resolves to the answer's envelope. A time-out or an abort destroys the connection.
   * @throws WinRmError `fault`, `disconnected`, `timeout`, `login`, `http`, `malformed`; the signal's reason when aborted.
   */
  async exchange(message: string, timeoutMs: number, signal?: AbortSignal): Promise<XmlElement> {
    this.#waiting += 1;
    const request = this.#lastRequest.then(() => {
      signal?.throwIfAborted();
      const late = () => new WinRmError({ kind: 'timeout', timeoutMs });
      return withDeadline(this.#clock, timeoutMs, signal, late, (limited) => this.#send(message, limited));
    });
    this.#lastRequest = request.catch(() => undefined);
    try {
      return this.#read(await request);
    } finally {
      this.#waiting -= 1;
    }
  }

  close(): void {
    this.#socket.destroy();
    this.#agent.destroy();
  }

  async #send(message: string, signal: AbortSignal): Promise<HttpAnswer> {
    const plain = Buffer.from(message, 'utf8');
    const security = this.#security;
    const sealed = security.kind === 'sealed';
    const answer = await post(
      {
        agent: this.#agent,
        host: hostHeader(this.#endpoint),
        path: PATH,
        headers: {
          'Content-Type': sealed ? SEALED_CONTENT_TYPE : SOAP_CONTENT_TYPE,
          ...(security.kind === 'header' ? { Authorization: security.authorization } : {}),
        },
        body: sealed ? sealMessage(security.messages, plain) : plain,
      },
      signal,
    );
    return sealed && answer.body.length > 0 ? this.#unsealed(security.messages, answer) : answer;
  }

  /** Unsealing runs in the order of the answers, inside the queue: the key stream has a position. */
  #unsealed(security: MessageSecurity, answer: HttpAnswer): HttpAnswer {
    if (!isSealed(answer.contentType)) {
      // Only a status without a message is believed from an answer nobody signed.
      if (answer.status !== 200 && answer.status !== 500) return { ...answer, body: Buffer.alloc(0) };
      this.close();
      throw new WinRmError({ kind: 'malformed', reason: 'the answer is not sealed' });
    }
    const body = unsealMessage(security, answer.body);
    if (!body) {
      this.close();
      throw new WinRmError({ kind: 'malformed', reason: 'the answer fails the integrity check' });
    }
    return { ...answer, body };
  }

  #read(answer: HttpAnswer): XmlElement {
    if (answer.status === 401) throw refused(answer, this.#authentication);
    const envelope = parseEnvelope(answer.body);
    // Status 500 is how a SOAP fault travels, so the body is read before the status is judged.
    const fault = envelope && faultOf(envelope);
    if (fault) throw new WinRmError({ kind: 'fault', fault });
    if (answer.status !== 200) throw new WinRmError({ kind: 'http', status: answer.status });
    if (!envelope) throw new WinRmError({ kind: 'malformed', reason: 'the answer is not a SOAP envelope' });
    return envelope;
  }
}

function parseEnvelope(body: Buffer): XmlElement | undefined {
  if (body.length === 0) return undefined;
  try {
    const root = parseXml(body.toString('utf8').replace(/^\uFEFF/, ''));
    return root.name === 'Envelope' && root.namespace === NAMESPACE.soap ? root : undefined;
  } catch {
    return undefined;
  }
}
