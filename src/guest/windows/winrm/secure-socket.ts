import { once } from 'node:events';
import { type Socket, connect as tcpConnect } from 'node:net';
import { ConnectFailure, openTlsSocket, type TlsTrust } from '../../../platform/tls.ts';
import { WinRmError } from './winrm-error.ts';

export interface SocketTarget {
  readonly address: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: TlsTrust | undefined;
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
export async function openSocket({ address, port, tls }: SocketTarget, signal: AbortSignal): Promise<OpenedSocket> {
  if (!tls) return { socket: await openPlain(address, port, signal), certificate: undefined };
  try {
    return await openTlsSocket({ host: address, port }, tls, signal);
  } catch (thrown) {
    throw thrown instanceof ConnectFailure ? winRmError(thrown) : thrown;
  }
}

const winRmError = ({ message: reason, untrusted }: ConnectFailure): WinRmError =>
  new WinRmError(untrusted ? { kind: 'untrusted', reason, ...untrusted } : { kind: 'unreachable', reason });

async function openPlain(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = tcpConnect({ host, port, noDelay: true });
  socket.on('error', () => undefined);
  const onAbort = () => socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (thrown) {
    signal.throwIfAborted();
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
    throw new WinRmError({ kind: 'unreachable', reason: code });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
