import https from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';

/** How a server proves who it is. Without both: by the certificate authorities Node.js knows. */
export interface TlsTrust {
  /** PEM text of the authority that signed the server's certificate, or of the self-signed certificate itself. */
  readonly ca?: string | undefined;
  /** SHA-256 of the server's own certificate, hexadecimal, with or without colons. Then this alone decides. */
  readonly fingerprint256?: string | undefined;
  /** SHA-1 of it: of a server that another one, already proven, vouches for in these words. Then this alone decides. */
  readonly fingerprint1?: string | undefined;
}

/** The certificate a client shows when a server asks for one, in PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  /** Of the key. */
  readonly passphrase?: string | undefined;
}

/** The server itself, never a proxy: its name or address is also the one its certificate must be for. */
interface TlsTarget {
  readonly host: string;
  readonly port: number;
  /** The client's own certificate, for servers that know accounts by it. */
  readonly identity?: TlsIdentity | undefined;
}

export interface OpenedTls {
  /** Has an 'error' listener for its whole life: an error between two requests only closes it. */
  readonly socket: tls.TLSSocket;
  /** The server's certificate in DER. */
  readonly certificate: Buffer;
}

/** No connection came to be: nothing of a request was sent. The message is the reason and holds no request data. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';
  /** A server answered, but it is not the one to trust; this is the SHA-256 of the certificate it showed. */
  readonly untrusted: { readonly fingerprint256: string } | undefined;

  constructor(reason: string, untrusted?: { readonly fingerprint256: string }) {
    super(reason);
    this.untrusted = untrusted;
  }
}

/** @throws ConnectFailure, or the signal's reason when that aborts first. */
export function openTlsSocket(target: TlsTarget, trust: TlsTrust, signal: AbortSignal): Promise<OpenedTls> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      reject(signal.reason);
      giveUp('aborted');
    };
    const giveUp = startConnecting(target, trust, (outcome) => {
      signal.removeEventListener('abort', onAbort);
      if (outcome instanceof ConnectFailure) reject(outcome);
      else resolve(outcome);
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

const CONNECT_TIMEOUT_MS = 30_000;
/** Firewalls forget quiet connections, also while a request waits long for its answer. */
const KEEP_ALIVE_MS = 15_000;

/**
 * Keep-alive agent whose sockets are handed to a request only after the server has proven its identity, so that not even
 * the request line goes to a stranger. A request aborted earlier gets its error only when the connecting ends: its
 * caller watches the signal itself. The number of connections is the caller's to limit, by its requests in flight.
 */
export class VerifyingAgent extends https.Agent {
  readonly #trust: TlsTrust;
  readonly #connecting = new Set<GiveUp>();

  constructor(trust: TlsTrust) {
    super({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS });
    this.#trust = trust;
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    // With an error there is no socket, and Node.js looks for none then, whatever the declared type says.
    const handOver = callback as ((error: Error | null, socket?: Duplex) => void) | undefined;
    const target = { host: options.host ?? 'localhost', port: Number(options.port ?? 443) };
    const giveUp = startConnecting(target, this.#trust, (outcome) => {
      clearTimeout(timer);
      this.#connecting.delete(giveUp);
      if (outcome instanceof ConnectFailure) {
        handOver?.(outcome);
        return;
      }
      outcome.socket.setKeepAlive(true, KEEP_ALIVE_MS);
      handOver?.(null, outcome.socket);
    });
    const timer = setTimeout(() => giveUp('ETIMEDOUT'), CONNECT_TIMEOUT_MS);
    this.#connecting.add(giveUp);
  }

  override destroy(): void {
    for (const giveUp of this.#connecting) giveUp('closed');
    super.destroy();
  }
}

/**
 * Windows asks for a client certificate when the first request is there already: by a renegotiation in TLS 1.2, which Node.js
 * answers, and by an authentication after the handshake in TLS 1.3, which it does not offer.
 */
const CLIENT_CERTIFICATE_VERSION = { maxVersion: 'TLSv1.2' } as const;

/** Ends an attempt that has not come to its end; does nothing afterwards. */
type GiveUp = (reason: string) => void;

/** Calls `settle` exactly once, and never before this function has returned. */
function startConnecting(
  { host, port, identity }: TlsTarget,
  trust: TlsTrust,
  settle: (outcome: OpenedTls | ConnectFailure) => void,
): GiveUp {
  let socket: tls.TLSSocket;
  try {
    socket = tls.connect({
      host,
      port,
      ca: trust.ca,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['http/1.1'],
      ...(identity ? { ...identity, ...CLIENT_CERTIFICATE_VERSION } : {}),
      // Not left to the library, so that a refusal can name the fingerprint that was seen: `verify` decides, before
      // the socket is handed out. No earlier session is ever resumed: Node.js would not check the host name again.
      rejectUnauthorized: false,
    });
  } catch (thrown) {
    process.nextTick(settle, new ConnectFailure(reasonOf(thrown)));
    return () => undefined;
  }
  let settled = false;
  const finish = (outcome: OpenedTls | ConnectFailure) => {
    if (settled) return;
    settled = true;
    if (outcome instanceof ConnectFailure) socket.destroy();
    settle(outcome);
  };
  socket.setNoDelay(true);
  // Stays attached: between two requests nobody else listens, and an unheard socket error ends the process.
  socket.on('error', (error) => finish(new ConnectFailure(reasonOf(error))));
  socket.once('close', () => finish(new ConnectFailure('closed during the handshake')));
  socket.once('secureConnect', () => finish(verify(socket, trust)));
  return (reason) => finish(new ConnectFailure(reason));
}

function verify(socket: tls.TLSSocket, trust: TlsTrust): OpenedTls | ConnectFailure {
  // Not getPeerX509Certificate: in Node.js 20 its second call on a client finds no certificate any more.
  // Without a certificate the object is empty, whatever its declared type says.
  const { raw, fingerprint, fingerprint256 }: Partial<tls.PeerCertificate> = socket.getPeerCertificate();
  if (raw === undefined || fingerprint === undefined || fingerprint256 === undefined)
    return new ConnectFailure('the server shows no certificate');
  const pin = trust.fingerprint256 ?? trust.fingerprint1;
  const shown = trust.fingerprint256 === undefined ? fingerprint : fingerprint256;
  const isTrusted = pin === undefined ? socket.authorized : plainHex(shown) === plainHex(pin);
  if (isTrusted) return { socket, certificate: raw };
  const reason = pin === undefined ? String(socket.authorizationError) : 'not the pinned certificate';
  return new ConnectFailure(reason, { fingerprint256 });
}

const plainHex = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();

/** The code only: messages of Node.js and OpenSSL differ between versions. */
const reasonOf = (thrown: unknown): string =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : 'no connection';
