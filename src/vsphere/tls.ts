import https from 'node:https';
import { isIP } from 'node:net';
import tls from 'node:tls';

/** How the server proves who it is. Without both: by the certificate authorities Node trusts. */
export interface TlsTrust {
  /** PEM text of the authority that signed the server's certificate. */
  readonly ca?: string;
  /** SHA-256 of the server's own certificate, hexadecimal, with or without colons. Then this alone decides. */
  readonly fingerprint256?: string;
}

/** The pinned fingerprint is not the one the server showed. */
export class FingerprintMismatch extends Error {
  override readonly name = 'FingerprintMismatch';
  readonly seen: string;

  constructor(seen: string) {
    super(`the server shows another certificate: ${seen}`);
    this.seen = seen;
  }
}

const plainHex = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();

/** What Node and OpenSSL call a certificate that does not verify. */
const UNTRUSTED =
  /^(ERR_TLS_CERT_ALTNAME_INVALID|CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w*(CERT|CRL|SIGNATURE|ISSUER)\w*|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/;

export const isUntrusted = (code: string): boolean => UNTRUSTED.test(code);

/** Keep-alive agent; every connection has proven the server's identity before a byte of a request is sent. */
export function createAgent(trust: TlsTrust, maxSockets: number): https.Agent {
  const options = { keepAlive: true, maxSockets };
  return trust.fingerprint256 === undefined
    ? new https.Agent({ ...options, ...(trust.ca === undefined ? {} : { ca: trust.ca }) })
    : new PinnedAgent(options, trust.fingerprint256);
}

const serverName = (host: string): { servername?: string } => (isIP(host) === 0 ? { servername: host } : {});

/** Accepts exactly one certificate, whoever signed it. */
class PinnedAgent extends https.Agent {
  readonly #pin: string;
  readonly #connecting = new Set<tls.TLSSocket>();

  constructor(options: https.AgentOptions, pin: string) {
    super(options);
    this.#pin = plainHex(pin);
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, stream: tls.TLSSocket) => void,
  ): undefined {
    const host = options.hostname ?? options.host ?? 'localhost';
    // No authority is asked: the comparison below decides, before the socket is handed out.
    const socket = tls.connect({
      host,
      port: Number(options.port ?? 443),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...serverName(host),
    });
    this.#connecting.add(socket);
    const settle = (error: Error | null) => {
      if (!this.#connecting.delete(socket)) return; // an error later on is the request's business
      if (error !== null) socket.destroy();
      callback?.(error, socket);
    };
    socket.on('error', settle);
    socket.once('secureConnect', () => {
      const seen = socket.getPeerCertificate().fingerprint256 ?? '';
      settle(plainHex(seen) === this.#pin ? null : new FingerprintMismatch(seen));
    });
  }

  override destroy(): void {
    for (const socket of this.#connecting) socket.destroy(new Error('the agent was closed'));
    super.destroy();
  }
}

const PROBE_TIMEOUT_MS = 5_000;

/** The fingerprint a server shows, for a message to a person. Nothing is sent and the connection is always dropped. */
export function seenFingerprint(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host,
      port,
      rejectUnauthorized: false,
      timeout: PROBE_TIMEOUT_MS,
      ...serverName(host),
    });
    const finish = (fingerprint: string | undefined) => {
      socket.destroy();
      resolve(fingerprint);
    };
    socket.once('secureConnect', () => finish(socket.getPeerCertificate().fingerprint256));
    socket.on('error', () => finish(undefined));
    socket.once('timeout', () => finish(undefined));
    socket.once('close', () => finish(undefined));
  });
}
