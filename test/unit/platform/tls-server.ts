import { X509Certificate } from 'node:crypto';
import https from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import type { LabServerCertificate } from '../../../src/lab/world/certificates.ts';

export const HOST = '127.0.0.1';

export interface Listener {
  readonly port: number;
  /** TCP connections so far. */
  readonly connections: number;
  /** Those still there. */
  readonly open: number;
  close(): Promise<void>;
}

/** Any TCP server, with what happens to its connections. */
export async function listen(server: Server, host = HOST): Promise<Listener> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  return {
    port,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export const listenPlain = (onConnection: (socket: Socket) => void, host = HOST): Promise<Listener> =>
  listen(createServer(onConnection), host);

export interface TlsServer extends Listener {
  /** What it has read of requests, decrypted. */
  received(): string;
  /** From the next handshake on. */
  show(certificate: LabServerCertificate): void;
}

/** Answers every request with 200. */
export async function listenTls(certificate: LabServerCertificate): Promise<TlsServer> {
  const server = https.createServer(certificate, (_request, response) => response.end('ok'));
  let received = '';
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.prependListener('data', (bytes: Buffer) => {
      received += bytes.toString('latin1');
    });
  });
  const listener = await listen(server);
  return Object.assign(Object.create(listener) as Listener, {
    // inherits the live counters
    received: () => received,
    show: (other: LabServerCertificate) => server.setSecureContext(other),
  });
}

/** Signed by nobody, for the name `other.test`. */
export async function selfSignedCertificate(): Promise<LabServerCertificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'other.test' }], {
    keyType: 'ec',
    curve: 'P-256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'other.test' }] }],
  });
  return { cert, key };
}

export const fingerprintOf = ({ cert }: LabServerCertificate): string => new X509Certificate(cert).fingerprint256;
