import type { Socket } from 'node:net';
import { childOf, type XmlElement } from '../../platform/xml.ts';
import type { EventLog } from '../world/events.ts';
import type { FaultRules } from '../world/faults.ts';
import { type LabAnswer, type LabCall, LabHttpServer, type LabRequest, type LabTls } from '../world/http-server.ts';
import type { Latency } from '../world/pace.ts';
import { askForCertificate } from './client-certificates.ts';
import { ConnectionLogins, isCertificateLogin, type LoginPolicy, type LoginResult } from './connection-login.ts';
import { formatSealedBody, isSealed, openSealedBody, SEALED_CONTENT_TYPE } from './sealed-body.ts';
import { type ShellRequestContext, serveShellRequest } from './shell-requests.ts';
import { formatFault, formatIdentified } from './wsman-answer.ts';
import { faults, WsmanFault } from './wsman-fault.ts';
import { operationOf } from './wsman-names.ts';
import { isIdentify, messageIdOf, parseEnvelope, parseRequest, type WsmanLimits } from './wsman-request.ts';

export interface WsmanListenerOptions {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly latency: Latency;
  /** Absent: plain HTTP. */
  readonly tls?: LabTls;
  readonly limits: WsmanLimits;
  /** Accept plain text over HTTP. */
  readonly allowUnencrypted: boolean;
  readonly login: LoginPolicy;
  readonly shell: ShellRequestContext;
}

const SOAP_CONTENT_TYPE = 'application/soap+xml;charset=UTF-8';
const SERVER_HEADER = { Server: 'Microsoft-HTTPAPI/2.0' } as const;
const OS_VERSION = '10.0.20348';

type LoggedIn = Extract<LoginResult, { kind: 'in' }>;

/** One listener of the guest's WinRM service. */
export function createWsmanListener(options: WsmanListenerOptions): LabHttpServer {
  const listener = new WsmanListener(options);
  return new LabHttpServer({
    system: 'guest',
    events: options.events,
    faults: options.faults,
    latency: options.latency,
    ...(options.tls ? { tls: options.tls } : {}),
    prepare: async ({ headers, socket }) => {
      if (options.login.certificateUser && isCertificateLogin(headers.authorization)) await askForCertificate(socket);
    },
    identify: (request) => listener.identify(request),
  });
}

class WsmanListener {
  readonly #options: WsmanListenerOptions;
  readonly #logins: ConnectionLogins;

  constructor(options: WsmanListenerOptions) {
    this.#options = options;
    const plain = options.tls === undefined && !options.allowUnencrypted;
    this.#logins = new ConnectionLogins({ ...options.login, basic: options.login.basic && !plain });
  }

  /** Log-on and unsealing change the connection's state, so they happen here, in the order of arrival. */
  identify(request: LabRequest): LabCall {
    if (request.url.split('?')[0]?.toLowerCase() !== '/wsman') return this.#call('Unknown', fixed({ status: 404 }));
    if (request.method !== 'POST') return this.#call('Unknown', fixed({ status: 405, headers: { Allow: 'POST' } }));
    if (/^unauthenticated$/i.test(String(request.headers.wsmanidentify ?? ''))) {
      return this.#call('Identify', fixed(plainAnswer(200, formatIdentified('0.0.0'), {})));
    }
    const login = this.#logins.check(request.socket, request.headers.authorization);
    if (login.kind === 'continue') {
      return this.#call('Authenticate', fixed(unauthorized([`Negotiate ${login.token}`])));
    }
    if (login.kind === 'refused') {
      if (request.headers.authorization !== undefined) {
        this.#options.events.add('guest', 'effect', 'log-on refused', this.#name, { reason: login.reason });
      }
      const told = login.token === undefined ? [] : [`Negotiate ${login.token}`];
      return this.#call('Authenticate', fixed(unauthorized([...told, ...this.#logins.offers])));
    }
    return this.#loggedIn(request, login);
  }

  #loggedIn(request: LabRequest, login: LoggedIn): LabCall {
    const headers = { ...SERVER_HEADER, ...login.headers };
    if (request.body.length === 0) return this.#call('Authenticate', fixed({ status: 200, headers }));
    if (!isSealed(request.headers['content-type'])) {
      if (this.#options.tls === undefined && !this.#options.allowUnencrypted) {
        return this.#call('Unencrypted', fixed({ status: 500, headers }));
      }
      return this.#soap(request, request.body, login, (status, text) => plainAnswer(status, text, headers));
    }
    const { session } = login;
    const plain = session && openSealedBody(session, request.body);
    if (!session || plain === undefined) return this.#call('Unsealable', fixed({ status: 400, headers }));
    return this.#soap(request, plain, login, (status, text) => ({
      status,
      headers: { ...headers, 'Content-Type': SEALED_CONTENT_TYPE },
      body: () => formatSealedBody(session, Buffer.from(text, 'utf8')),
    }));
  }

  #soap(
    request: LabRequest,
    body: Buffer,
    login: LoggedIn,
    answer: (status: number, text: string) => LabAnswer,
  ): LabCall {
    const { limits, login: policy, shell, tls } = this.#options;
    let messageId = '';
    const refuse = (error: unknown): LabAnswer => {
      if (!(error instanceof WsmanFault)) throw error;
      return answer(500, formatFault(error, messageId, policy.hostName));
    };
    try {
      if (body.length > limits.maxEnvelopeKb * 1024) throw faults.envelopeTooLarge();
      const envelope = parseEnvelope(body.toString('utf8'));
      messageId = messageIdOf(envelope);
      if (isIdentify(envelope)) return this.#call('Identify', () => answer(200, formatIdentified(OS_VERSION)));
      const parsed = parseRequest(envelope, limits);
      const operation = operationOf(parsed.action);
      if (operation === undefined) {
        this.#options.events.add('guest', 'unserved', parsed.action, this.#name);
        throw faults.actionNotSupported(parsed.action);
      }
      const endpoint = `${tls ? 'https' : 'http'}://${request.headers.host ?? policy.hostName}/wsman`;
      const caller = { user: login.user, address: request.socket.remoteAddress ?? '', endpoint };
      return this.#call(
        operation,
        () =>
          untilGone(request.socket, (gone) => serveShellRequest(shell, operation, parsed, { ...caller, gone })).then(
            (text) => answer(200, text),
            refuse,
          ),
        commandIdOf(parsed.content) ?? parsed.shellId,
      );
    } catch (error) {
      const fault = error;
      return this.#call('Unknown', () => refuse(fault));
    }
  }

  get #name(): string {
    return this.#options.shell.guestName;
  }

  #call(operation: string, run: LabCall['run'], id?: string): LabCall {
    return { operation, object: id === undefined ? this.#name : `${this.#name}/${id}`, run };
  }
}

/** The work is told when its client is gone, also when that was before it began. */
async function untilGone<Result>(socket: Socket, work: (gone: AbortSignal) => Promise<Result>): Promise<Result> {
  const gone = new AbortController();
  const onClose = () => gone.abort();
  if (socket.destroyed) onClose();
  socket.once('close', onClose);
  try {
    return await work(gone.signal);
  } finally {
    socket.off('close', onClose);
  }
}

function fixed(answer: LabAnswer): LabCall['run'] {
  return () => answer;
}

function plainAnswer(status: number, text: string, headers: Readonly<Record<string, string>>): LabAnswer {
  return { status, headers: { ...SERVER_HEADER, ...headers, 'Content-Type': SOAP_CONTENT_TYPE }, body: text };
}

function unauthorized(offers: readonly string[]): LabAnswer {
  return { status: 401, headers: { ...SERVER_HEADER, 'WWW-Authenticate': offers, 'Content-Length': '0' } };
}

function commandIdOf(content: XmlElement | undefined): string | undefined {
  const holder =
    content?.name === 'Signal' ? content : (childOf(content, 'Stream') ?? childOf(content, 'DesiredStream'));
  return holder?.attributes.find((attribute) => attribute.name === 'CommandId')?.value;
}
