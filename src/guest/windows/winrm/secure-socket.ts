import { createHash } from 'node:crypto';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { WinRmError } from './winrm-error.ts';

/** Whom to trust: a pinned certificate if given, else the given authority, else the system's authorities. */
export interface TlsTrust {
  /** PEM text of one or more certificate authorities. */
  readonly ca?: string | undefined;
  /** SHA-256 of the server's certificate in hex, with or without colons. */
  readonly fingerprint256?: string | undefined;
}

export interface SocketTarget {
  readonly address: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: TlsTrust | undefined;
}

const plainHex = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();

const tlsOptions = (target: SocketTarget) => ({
  host: target.address,
  port: target.port,
  ...(isIP(target.address) ? {} : { servername: target.address }),
});

export interface OpenedSocket {
  readonly socket: Socket;
  /** The server's certificate in DER; undefined on plain TCP. */
  readonly certificate: Buffer | undefined;
}

/** Opens a TCP or TLS connection; an untrusted server is refused before a byte of HTTP is sent. */
export async function openSocket(target: SocketTarget, signal: AbortSignal): Promise<OpenedSocket> {
  const { tls } = target;
  if (!tls) {
    const plain = tcpConnect({ host: target.address, port: target.port, noDelay: true });
    return { socket: await opened(plain, 'connect', signal), certificate: undefined };
  }
  const pin = tls.fingerprint256;
  // A pinned certificate need not be signed by anyone; the comparison right after the handshake decides.
  const socket = tlsConnect({ ...tlsOptions(target), ca: tls.ca, rejectUnauthorized: pin === undefined });
  socket.setNoDelay(true);
  try {
    await opened(socket, 'secureConnect', signal);
  } catch (thrown) {
    if (pin !== undefined || !isDistrust(thrown)) throw thrown;
    throw untrusted(thrown.problem.reason, await shownFingerprint(target, signal));
  }
  const certificate = certificateOf(socket);
  const shown = certificate && fingerprint256(certificate);
  if (!certificate || (pin !== undefined && plainHex(shown ?? '') !== plainHex(pin))) {
    socket.destroy();
    throw untrusted('the certificate is not the pinned one', shown);
  }
  return { socket, certificate };
}

/** Not `getPeerX509Certificate`: in Node 20 its second call on a client finds no certificate any more. */
const certificateOf = (socket: TLSSocket): Buffer | undefined => socket.getPeerCertificate().raw;

/** As openssl prints it: upper case with colons. */
const fingerprint256 = (certificate: Buffer): string =>
  createHash('sha256')
    .update(certificate)
    .digest('hex')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&:');

const untrusted = (reason: string, fingerprint256: string | undefined): WinRmError =>
  new WinRmError({ kind: 'untrusted', reason, fingerprint256 });

const isDistrust = (thrown: unknown): thrown is WinRmError & { problem: { kind: 'untrusted'; reason: string } } =>
  thrown instanceof WinRmError && thrown.problem.kind === 'untrusted';

/** What an untrusted server shows, for the error message: this connection carries no data and is never used. */
async function shownFingerprint(target: SocketTarget, signal: AbortSignal): Promise<string | undefined> {
  const socket = tlsConnect({ ...tlsOptions(target), rejectUnauthorized: false });
  try {
    await opened(socket, 'secureConnect', signal);
    const certificate = certificateOf(socket);
    return certificate && fingerprint256(certificate);
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** Resolves when the socket is connected; destroys it on abort. */
function opened<Opened extends Socket>(socket: Opened, event: string, signal: AbortSignal): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.off(event, onOpen);
      socket.off('error', onError);
      socket.off('close', onClose);
      finish();
    };
    const onOpen = () => settle(() => resolve(socket));
    const onError = (error: NodeJS.ErrnoException) => settle(() => reject(connectError(error)));
    const onClose = () =>
      settle(() => reject(new WinRmError({ kind: 'unreachable', reason: 'closed during the handshake' })));
    const onAbort = () => {
      settle(() => reject(signal.reason));
      socket.on('error', () => undefined);
      socket.destroy();
    };
    socket.once(event, onOpen);
    socket.once('error', onError);
    socket.once('close', onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** X.509 verification results of OpenSSL and Node's own name check, by code (nodejs.org: TLS, X509 certificate error codes). */
const DISTRUST_CODES: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

function connectError(error: NodeJS.ErrnoException): WinRmError {
  const code = error.code ?? 'unknown error';
  return DISTRUST_CODES.has(code) ? untrusted(code, undefined) : new WinRmError({ kind: 'unreachable', reason: code });
}
