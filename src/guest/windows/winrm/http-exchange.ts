import http from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WinRmError } from './winrm-error.ts';

/** An answer larger than this is not one of WinRM's (it keeps to the requested envelope size). */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * Node's HTTP over one given socket and never another: login and sealing belong to the connection, so a silent
 * reconnect would send a sealed message to a server that cannot read it.
 */
export class OneSocketAgent extends http.Agent {
  readonly #socket: Socket;
  #handedOver = false;

  constructor(socket: Socket) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
  }

  /** Node asks for a second connection when the first is gone; the error goes to the request that waits for it. */
  override createConnection(
    _options: http.ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Socket | undefined {
    if (this.#handedOver || this.#socket.destroyed) {
      callback?.(new WinRmError({ kind: 'disconnected', reason: 'the connection was closed' }), this.#socket);
      return undefined;
    }
    this.#handedOver = true;
    return this.#socket;
  }
}

export interface HttpRequest {
  readonly agent: OneSocketAgent;
  /** Value of the Host header. */
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  /** Values of WWW-Authenticate. */
  readonly challenges: readonly string[];
  readonly body: Buffer;
}

/** One POST and its whole answer. Aborting destroys the connection and rejects with the signal's reason. */
export function post(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const outgoing = http.request({
      agent: request.agent,
      method: 'POST',
      path: request.path,
      headers: { Host: request.host, ...request.headers, 'Content-Length': String(request.body.length) },
    });
    const onAbort = () => {
      reject(signal.reason);
      outgoing.destroy();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const fail = (error: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', onAbort);
      // Only the code: nothing of the request, which carries credentials, may travel with the error.
      const reason = error.code ?? 'connection error';
      reject(error instanceof WinRmError ? error : new WinRmError({ kind: 'disconnected', reason }));
      outgoing.destroy();
    };
    outgoing.on('error', fail);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_ANSWER_BYTES)
          fail(new WinRmError({ kind: 'malformed', reason: 'the answer is too large' }));
        else chunks.push(chunk);
      });
      incoming.on('error', fail);
      incoming.on('aborted', () => fail(new WinRmError({ kind: 'disconnected', reason: 'the answer was cut' })));
      incoming.on('end', () => {
        signal.removeEventListener('abort', onAbort);
        resolve({
          status: incoming.statusCode ?? 0,
          contentType: incoming.headers['content-type'],
          challenges: authenticationChallenges(incoming),
          body: Buffer.concat(chunks),
        });
      });
    });
    outgoing.end(request.body);
  });
}

/** One value per header line; Node would join them with commas. */
function authenticationChallenges(incoming: http.IncomingMessage): readonly string[] {
  return incoming.headersDistinct['www-authenticate'] ?? [];
}
