import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';

/** How the server proves who it is. Both absent: the authorities Node.js knows. */
export interface TlsTrust {
  /** PEM content of the authority (or of the self-signed certificate itself). */
  readonly ca?: string;
  /** SHA-256 fingerprint of the server certificate, with or without colons: exactly this certificate is accepted. */
  readonly fingerprint256?: string;
}

/** No connection came to be: nothing of the request was sent. Carries no request data. */
export class ConnectFailure extends Error {
  readonly untrusted: { readonly fingerprint256: string } | undefined;

  constructor(reason: string, untrusted?: { readonly fingerprint256: string }) {
    super(reason);
    this.untrusted = untrusted;
  }
}

const CONNECT_TIMEOUT_MS = 30_000;

const plainHex = (fingerprint: string) => fingerprint.replaceAll(':', '').toLowerCase();

/**
 * Keep-alive agent whose sockets are handed to a request only after the server's certificate was checked,
 * so that not even the request line goes to a stranger.
 */
export class VerifyingAgent extends https.Agent {
  readonly #trust: TlsTrust;

  constructor(trust: TlsTrust) {
    super({ keepAlive: true, keepAliveMsecs: 15_000, scheduling: 'lifo' });
    this.#trust = trust;
  }

  /** Is a connection open that the next request would use? */
  hasIdleConnection(): boolean {
    return Object.values(this.freeSockets).some((sockets) => sockets?.some((socket) => !socket.destroyed) ?? false);
  }

  override createConnection(
    options: https.RequestOptions,
    handOver?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { ca, fingerprint256: pin } = this.#trust;
    // Not left to the library, so that a refusal can name the fingerprint that was seen: `isTrusted` below decides.
    const socket = tls.connect({
      ...(options as tls.ConnectionOptions), // an agent's options are those of tls.connect plus the HTTP ones
      ...(ca === undefined ? {} : { ca }),
      rejectUnauthorized: false,
    });
    let settled = false;
    const settle = (failure: ConnectFailure | null) => {
      if (settled) return;
      settled = true;
      socket.setTimeout(0);
      if (failure) socket.destroy();
      handOver?.(failure, socket);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => settle(new ConnectFailure('ETIMEDOUT')));
    // Stays attached: between two requests nobody else listens, and an unheard socket error ends the process.
    socket.on('error', (error: NodeJS.ErrnoException) => settle(new ConnectFailure(error.code ?? 'no connection')));
    socket.once('secureConnect', () => {
      const seen = socket.getPeerX509Certificate()?.fingerprint256 ?? '';
      const isTrusted = pin === undefined ? socket.authorized : plainHex(seen) === plainHex(pin);
      if (isTrusted) {
        settle(null);
        return;
      }
      const reason = pin === undefined ? String(socket.authorizationError) : 'not the pinned certificate';
      settle(new ConnectFailure(reason, { fingerprint256: seen }));
    });
    return undefined;
  }
}
