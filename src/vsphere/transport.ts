import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { ConnectFailure, type TlsTrust, VerifyingAgent } from '../platform/tls.ts';
import type { SnaphookError } from '../ports/errors.ts';
import { errorOfNetwork, errorOfTimeout, errorOfUntrustedCertificate } from './faults.ts';
import type { TextSink } from './page-reader.ts';
import { Turns } from './turns.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly setCookie: readonly string[];
  /** Empty when it went to the call's sink. */
  readonly body: string;
}

/** Takes the body of an answer as it arrives; false: no more of it is wanted. */
export interface ByteSink {
  write(bytes: Uint8Array): boolean;
}

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** For error messages. */
  readonly operation: string;
  readonly headers: OutgoingHttpHeaders;
  /** Text is sent as UTF-8. */
  readonly body?: string | Uint8Array;
  /** Takes the body of an answer with status 200 as it arrives. */
  readonly sink?: TextSink;
  /** The same, for what is no text. */
  readonly bytes?: ByteSink;
  /** True: may be sent a second time when a kept connection turns out to be closed by the server before it began to answer. */
  readonly repeatable: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface TransportOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsTrust;
}

/** In flight at once; more would only queue inside vCenter. Each needs at most one connection. */
const MAX_REQUESTS = 4;

/**
 * HTTPS to one vCenter over kept connections. No web proxy of the environment is ever asked. Throws own errors only:
 * no request, header or cookie hangs on them.
 */
export class Transport {
  /** Host name for messages. */
  readonly server: string;
  readonly #options: TransportOptions;
  readonly #turns = new Turns(MAX_REQUESTS);
  #agent: VerifyingAgent;

  constructor(options: TransportOptions) {
    this.server = options.host;
    this.#options = options;
    this.#agent = new VerifyingAgent(options.tls);
  }

  async send(call: HttpCall): Promise<HttpAnswer> {
    call.signal.throwIfAborted();
    const timeout = AbortSignal.timeout(call.timeoutMs);
    const signal = AbortSignal.any([call.signal, timeout]);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#turns.run(() => this.#exchange(call, signal), signal);
      } catch (failure) {
        call.signal.throwIfAborted();
        if (timeout.aborted) throw errorOfTimeout(this.server, call.operation, call.timeoutMs);
        const stale = failure instanceof ExchangeFailure && failure.onKeptConnection;
        if (stale && call.repeatable && attempt === 1) continue;
        throw this.#explain(failure, call.operation);
      }
    }
  }

  /** Drops every connection; the next call opens a new one. */
  dropConnections(): void {
    this.#agent.destroy();
    this.#agent = new VerifyingAgent(this.#options.tls);
  }

  /** Drops every connection for good. */
  close(): void {
    this.#agent.destroy();
  }

  #exchange(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const body = typeof call.body === 'string' ? Buffer.from(call.body, 'utf8') : call.body;
      const request = https.request({
        host: this.#options.host,
        port: this.#options.port,
        agent: this.#agent,
        method: call.method,
        path: call.path,
        headers: { ...call.headers, ...(body === undefined ? {} : { 'content-length': body.length }) },
        signal,
      });
      // While it still connects, the request itself does not hear of it.
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      let answered = false;
      // Once an answer has begun the server had the request, and a part of the body may be in the sink.
      request.on('error', (error) => reject(failureOf(error, answered ? undefined : request)));
      request.on('response', (response) => {
        answered = true;
        readBody(response, call).then(
          (text) =>
            resolve({
              status: response.statusCode ?? 0,
              setCookie: response.headers['set-cookie'] ?? [],
              body: text,
            }),
          (error) => reject(failureOf(error, undefined)),
        );
      });
      request.end(body);
    });
  }

  #explain(failure: unknown, operation: string): SnaphookError {
    const { server } = this;
    if (failure instanceof ConnectFailure) {
      return failure.untrusted === undefined
        ? errorOfNetwork(server, operation, failure.message)
        : errorOfUntrustedCertificate(server, failure.message, failure.untrusted.fingerprint256);
    }
    return errorOfNetwork(server, operation, failure instanceof ExchangeFailure ? failure.code : 'unknown');
  }
}

/** What is kept of Node's error: it may hang on the request, which carries the password. */
class ExchangeFailure extends Error {
  override readonly name = 'ExchangeFailure';
  readonly code: string;
  readonly onKeptConnection: boolean;

  constructor(code: string, onKeptConnection: boolean) {
    super(code);
    this.code = code;
    this.onKeptConnection = onKeptConnection;
  }
}

function failureOf(error: object, request: ClientRequest | undefined): ExchangeFailure | ConnectFailure {
  if (error instanceof ConnectFailure) return error;
  const code = 'code' in error ? String(error.code) : 'connection failed';
  const reset = code === 'ECONNRESET' || code === 'EPIPE';
  return new ExchangeFailure(code, reset && request?.reusedSocket === true);
}

function readBody(response: IncomingMessage, { sink, bytes }: HttpCall): Promise<string> {
  if (response.statusCode === 200 && bytes !== undefined) return readBytes(bytes, response);
  if (response.statusCode === 200 && sink !== undefined) return readInto(sink, response);
  return readAll(response);
}

async function readBytes(sink: ByteSink, response: IncomingMessage): Promise<''> {
  // Leaving the loop ends the connection.
  for await (const chunk of response as AsyncIterable<Buffer>) if (!sink.write(chunk)) return ''; // no encoding is set, as below
  requireComplete(response);
  return '';
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk); // no encoding is set: chunks are bytes
  requireComplete(response);
  return Buffer.concat(chunks).toString('utf8');
}

async function readInto(sink: TextSink, response: IncomingMessage): Promise<''> {
  const decoder = new TextDecoder();
  for await (const chunk of response as AsyncIterable<Buffer>) sink.write(decoder.decode(chunk, { stream: true })); // bytes, as above
  sink.write(decoder.decode());
  requireComplete(response);
  return '';
}

function requireComplete(response: IncomingMessage): void {
  if (!response.complete) throw Object.assign(new Error('cut off'), { code: 'ECONNRESET' });
}
