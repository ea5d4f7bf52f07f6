import { constants } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { EventLog, LabSystem } from './events.ts';
import type { FaultAction, FaultRules } from './faults.ts';
import { type Latency, waitLatency } from './pace.ts';

export interface LabRequest {
  readonly method: string;
  /** Path with query, exactly as sent. */
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** The TCP connection, for protocols that keep state on it (NTLM). */
  readonly socket: Socket;
}

export interface LabAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A function is asked when the answer is sent, so for a replaced answer never: for what moves the connection's state. */
  readonly body?: string | Buffer | (() => Buffer);
}

/** What a call is, found before it runs, so that rules and events can name it. */
export interface LabCall {
  readonly operation: string;
  readonly object: string;
  /** Does the work: the effect happens inside. */
  run(): Promise<LabAnswer> | LabAnswer;
}

export interface LabTls {
  readonly key: string;
  readonly cert: string;
  /** The authority of clients' certificates, which are asked for when a request wants them. */
  readonly ca?: string | undefined;
  /** As servers that are too old for TLS 1.3. */
  readonly maxVersion?: 'TLSv1.2' | undefined;
}

export interface LabServerOptions {
  readonly system: LabSystem;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly latency: Latency;
  /** PEM key and certificate; absent: plain HTTP. */
  readonly tls?: LabTls;
  /** What has to happen on the connection before a request can be understood. */
  readonly prepare?: (request: LabRequest) => Promise<void>;
  readonly identify: (request: LabRequest) => LabCall;
  /** Larger ones are answered with 413. Default 16 MiB. */
  readonly maxBodyBytes?: number;
  /** A connection that is not used for so long is closed; real time. Default 5 min. */
  readonly keepAliveMs?: number;
}

const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** A body too large is read up to so many times the limit without being kept, else most clients would see a reset and not the 413. */
const DISCARDED = 4;

/** The shared front of all simulators: connections, requests, latency and fault rules in one place, all in the event log. */
export class LabHttpServer {
  readonly #server: http.Server | https.Server;
  readonly #options: LabServerOptions;
  readonly #sockets = new Set<Socket>();

  constructor(options: LabServerOptions) {
    this.#options = options;
    const listener = (request: http.IncomingMessage, response: http.ServerResponse) => {
      // Saved here: a request that was destroyed has no socket any more.
      const { socket } = request;
      this.#serve(request, response, socket).catch((error: unknown) => {
        socket.destroy();
        options.events.add(options.system, 'answer', 'lab defect', '', { defect: textOf(error) });
      });
    };
    // A renegotiation that resumed the session would ask for no certificate.
    const secureOptions = constants.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION;
    this.#server = options.tls
      ? https.createServer({ ...options.tls, secureOptions }, listener)
      : http.createServer(listener);
    this.#server.keepAliveTimeout = options.keepAliveMs ?? 300_000;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      options.events.add(options.system, 'connection', 'connect', '', { remotePort: socket.remotePort });
    });
    this.#server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  }

  /** As if every connection that is not at work now had not been used for too long. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  /** Listens on loopback only; port 0 takes a free one. Resolves to the port. */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse, socket: Socket): Promise<void> {
    const { system, events, faults, latency, maxBodyBytes = MAX_BODY_BYTES } = this.#options;
    const { method = '', url = '', headers } = request;
    const body = await readBody(request, maxBodyBytes);
    if (body === 'gone') {
      socket.destroy();
      return;
    }
    if (body === 'too large') {
      events.add(system, 'answer', 'body too large', '', { method, url, status: 413 });
      response.writeHead(413, { Connection: 'close' }).end();
      return;
    }
    await this.#options.prepare?.({ method, url, headers, body, socket });
    if (socket.destroyed) return;
    const call = this.#identify({ method, url, headers, body, socket });
    const started = events.add(system, 'request', call.operation, call.object, { method, url });
    await waitLatency(latency);
    let answer = await this.#applyFaults(faults.take(system, 'before', call.operation, call.object), socket);
    if (answer === 'cut') socket.destroy();
    if (answer === 'gone' || answer === 'cut') return;
    if (answer === undefined) {
      try {
        answer = await call.run();
      } catch (error) {
        // A defect of the simulator must be visible as such, not as a behaviour of the real system.
        answer = { status: 599, body: `lab defect in ${call.operation}: ${textOf(error)}` };
      }
      const after = await this.#applyFaults(faults.take(system, 'after', call.operation, call.object), socket);
      if (after === 'gone') return;
      if (after === 'cut') return await this.#sendHalf(answer, response, socket);
      if (after !== undefined) answer = after;
    }
    events.add(system, 'answer', call.operation, call.object, {
      status: answer.status,
      tookMs: performance.now() - started.atMs,
      requestSeq: started.seq,
      ...(answer.status === 599 ? { defect: String(answer.body) } : {}),
    });
    if (response.destroyed) return;
    response.writeHead(answer.status, answer.headers as http.OutgoingHttpHeaders | undefined);
    response.end(typeof answer.body === 'function' ? answer.body() : answer.body);
  }

  async #sendHalf({ status, headers, body }: LabAnswer, response: http.ServerResponse, socket: Socket): Promise<void> {
    const bytes = Buffer.from((typeof body === 'function' ? body() : body) ?? '');
    // TLS cannot reset: the TCP connection below it does.
    const tcp = [...this.#sockets].find(({ remotePort }) => remotePort === socket.remotePort);
    response.writeHead(status, headers as http.OutgoingHttpHeaders | undefined); // as in `#serve`
    await new Promise((resolve) => response.write(bytes.subarray(0, bytes.length / 2), resolve));
    // A reset that comes together with the bytes looks to a client like an end.
    await waitLatency({ latencyMs: 20, jitterMs: 0 });
    tcp?.resetAndDestroy();
  }

  #identify(request: LabRequest): LabCall {
    try {
      return this.#options.identify(request);
    } catch (error) {
      const rethrow = () => {
        throw error;
      };
      return { operation: 'Unidentified', object: '', run: rethrow };
    }
  }

  async #applyFaults(actions: readonly FaultAction[], socket: Socket): Promise<LabAnswer | 'gone' | 'cut' | undefined> {
    for (const action of actions) {
      if (action.do === 'answer') return { status: action.status, body: action.body ?? '' };
      if (action.do === 'drop') {
        socket.destroy();
        return 'gone';
      }
      if (action.do === 'hang') return 'gone';
      if (action.do === 'cut') return 'cut';
      if (action.do === 'delay') await waitLatency({ latencyMs: action.delayMs, jitterMs: 0 });
      if (action.do === 'late') {
        await closed(socket);
        await waitLatency({ latencyMs: action.afterMs, jitterMs: 0 });
      }
      if (action.do === 'call') await action.run();
    }
    return undefined;
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
}

/** The whole body, unless it is too large or the client went away. */
function readBody(request: http.IncomingMessage, maxBytes: number): Promise<Buffer | 'too large' | 'gone'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
      if (size > DISCARDED * maxBytes) resolve('too large');
    });
    request.on('end', () => resolve(size > maxBytes ? 'too large' : Buffer.concat(chunks)));
    request.on('error', () => resolve('gone'));
    request.on('close', () => resolve('gone'));
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
