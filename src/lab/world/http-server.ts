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
  readonly body?: string | Buffer;
}

/** What a call is, found before it runs, so that rules and events can name it. */
export interface LabCall {
  readonly operation: string;
  readonly object: string;
  /** Does the work: the effect happens inside. */
  run(): Promise<LabAnswer> | LabAnswer;
}

export interface LabServerOptions {
  readonly system: LabSystem;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly latency: Latency;
  /** PEM key and certificate; absent: plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly identify: (request: LabRequest) => LabCall;
}

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** The shared front of all simulators: connections, requests, latency and fault rules in one place, all in the event log. */
export class LabHttpServer {
  readonly #server: http.Server | https.Server;
  readonly #options: LabServerOptions;
  readonly #sockets = new Set<Socket>();

  constructor(options: LabServerOptions) {
    this.#options = options;
    const listener = (request: http.IncomingMessage, response: http.ServerResponse) => {
      void this.#serve(request, response);
    };
    this.#server = options.tls ? https.createServer(options.tls, listener) : http.createServer(listener);
    this.#server.keepAliveTimeout = 300_000;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      options.events.add(options.system, 'connection', 'connect', '', { remotePort: socket.remotePort });
    });
    this.#server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
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

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { system, events, faults, latency } = this.#options;
    let body: Buffer;
    try {
      body = await readBody(request);
    } catch {
      request.socket.destroy();
      return;
    }
    const call = this.#options.identify({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body,
      socket: request.socket,
    });
    const started = events.add(system, 'request', call.operation, call.object, {
      method: request.method,
      url: request.url,
    });
    await waitLatency(latency);
    let answer = await this.#applyFaults(faults.take(system, 'before', call.operation, call.object), request.socket);
    if (answer === 'gone') return;
    if (answer === undefined) {
      try {
        answer = await call.run();
      } catch (error) {
        // A defect of the simulator must be visible as such, not as a behaviour of the real system.
        answer = {
          status: 599,
          body: `lab defect in ${call.operation}: ${error instanceof Error ? error.stack : String(error)}`,
        };
      }
      const after = await this.#applyFaults(faults.take(system, 'after', call.operation, call.object), request.socket);
      if (after === 'gone') return;
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
    response.end(answer.body);
  }

  async #applyFaults(actions: readonly FaultAction[], socket: Socket): Promise<LabAnswer | 'gone' | undefined> {
    for (const action of actions) {
      if (action.do === 'answer') return { status: action.status, body: action.body ?? '' };
      if (action.do === 'drop') {
        socket.destroy();
        return 'gone';
      }
      if (action.do === 'hang') return 'gone';
      if (action.do === 'delay') await waitLatency({ latencyMs: action.delayMs, jitterMs: 0 });
      if (action.do === 'call') await action.run();
    }
    return undefined;
  }
}

async function readBody(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('request body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
