import type { Socket } from 'node:net';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import type { GuestUser } from './guest-accounts.ts';

/** `winrm/config/service/certmapping`: certificates of one issuer with one name stand for one local account. */
export interface CertificateMapping {
  /** SHA-1 of the issuer's certificate, hexadecimal with colons. */
  readonly issuerThumbprint: string;
  /** DNS name in the certificate's alternative names; `*` at the front matches any beginning. */
  readonly subject: string;
  readonly user: string;
}

/**
 * Asks for the client's certificate as Windows does it: not in the handshake but when a request wants it, by a
 * renegotiation of TLS 1.2. With TLS 1.3 that would be an authentication after the handshake, which clients of Node.js do
 * not offer: the connection is reset.
 */
export async function askForCertificate(socket: Socket): Promise<void> {
  if (!(socket instanceof TLSSocket) || certificateOf(socket) !== undefined) return;
  await new Promise<void>((resolve) => {
    socket.once('close', resolve);
    const ask = { requestCert: true, rejectUnauthorized: false };
    const begun = socket.renegotiate(ask, (error) => {
      if (error) socket.resetAndDestroy();
      resolve();
    });
    if (!begun) socket.destroy();
  });
}

function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate();
  // Without a certificate the object is empty, whatever its declared type says.
  return Object.keys(certificate).length > 0 ? certificate : undefined;
}

/** The local account that the connection's certificate is mapped to; the certificate must be of a known authority and valid. */
export function mappedUser(
  socket: Socket,
  mappings: readonly CertificateMapping[],
  users: readonly GuestUser[],
): GuestUser | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized || certificateOf(socket) === undefined) return undefined;
  const certificate = socket.getPeerCertificate(true);
  const names = (certificate.subjectaltname ?? '').split(', ').flatMap((name) => name.match(/^DNS:(.+)$/)?.[1] ?? []);
  const mapping = mappings.find(
    ({ issuerThumbprint, subject }) =>
      issuerThumbprint === certificate.issuerCertificate?.fingerprint && names.some((name) => matches(subject, name)),
  );
  return users.find(({ name, domain }) => domain === undefined && name === mapping?.user);
}

function matches(subject: string, name: string): boolean {
  return subject.startsWith('*') ? name.endsWith(subject.slice(1)) : name === subject;
}
