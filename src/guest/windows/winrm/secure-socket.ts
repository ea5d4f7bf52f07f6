import { type Socket, connect as tcpConnect } from 'node:net';
import { ConnectFailure, openTlsSocket, type TlsIdentity, type TlsTrust } from '../../../platform/tls.ts';
import { WinRmError } from './winrm-error.ts';

export interface SocketTarget {
  readonly address: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: TlsTrust | undefined;
  /** Over TLS: the certificate to show. */
  readonly identity?: TlsIdentity | undefined;
}

export interface OpenedSocket {
  /** Has an 'error' listener for its whole life: an error between two requests only closes it. */
  readonly socket: Socket;
  /** The server's certificate in DER; undefined on plain TCP. */
  readonly certificate: Buffer | undefined;
}

/**
 * Opens a TCP or TLS connection; an untrusted server is refused before a byte of HTTP is sent.
 * @throws WinRmError `unreachable` or `untrusted`; the signal's reason when aborted.
 */
export async function openSocket(target: SocketTarget, signal: AbortSignal): Promise<OpenedSocket> {
  const { address, port, tls, identity } = target;
  if (!tls) return { socket: await openPlain(address, port, signal), certificate: undefined };
  try {
    return await openTlsSocket({ host: address, port, identity }, tls, signal);
  } catch (thrown) {
    throw thrown instanceof ConnectFailure ? winRmError(thrown) : thrown;
  }
}

const winRmError = ({ message: reason, untrusted }: ConnectFailure): WinRmError =>
  new WinRmError(untrusted ? { kind: 'untrusted', reason, ...untrusted } : { kind: 'unreachable', reason });

function openPlain(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = tcpConnect({ host, port, noDelay: true });
    const onAbort = () => {
      reject(signal.reason);
      socket.destroy();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays attached: between two requests nobody else listens, and an unheard socket error ends the process.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', onAbort);
      reject(new WinRmError({ kind: 'unreachable', reason: error.code ?? 'unknown error' }));
    });
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
  });
}
