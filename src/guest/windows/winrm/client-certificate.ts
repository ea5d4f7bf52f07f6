import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { TlsIdentity } from '../../../platform/tls.ts';
import { WinRmError } from './winrm-error.ts';

/** Windows takes no larger one (WinRM documentation, "Authentication for Remote Connections"). */
const MAX_CERTIFICATE_BYTES = 16 * 1024;

/** Throws `login` for a certificate that can let nobody in, before anything is sent. */
export function requireUsableCertificate({ cert, key, passphrase }: TlsIdentity, now: Date): void {
  const certificate = readCertificate(cert);
  if (certificate.raw.length > MAX_CERTIFICATE_BYTES) throw login('the client certificate is larger than 16 KB');
  if (now > new Date(certificate.validTo)) throw login(`the client certificate expired at ${certificate.validTo}`);
  if (now < new Date(certificate.validFrom)) {
    throw login(`the client certificate is not valid before ${certificate.validFrom}`);
  }
  if (!certificate.checkPrivateKey(readKey(key, passphrase))) {
    throw login('the private key is not that of the client certificate');
  }
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw login('the client certificate is not readable as PEM');
  }
}

function readKey(pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    // What the library says may carry parts of the key.
    throw login('the private key of the client certificate is not readable, or its passphrase is wrong');
  }
}

const login = (reason: string): WinRmError => new WinRmError({ kind: 'login', reason });
