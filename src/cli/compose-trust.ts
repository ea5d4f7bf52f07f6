import { readFileSync } from 'node:fs';
import type { TlsSettings } from '../config/schema.ts';
import { SnaphookError } from '../ports/errors.ts';

/** How a TLS server is recognised, with the authority's certificate read. */
export function trust(tls: TlsSettings | undefined): { ca?: string; fingerprint256?: string } {
  if (!tls) return {};
  return {
    ...(tls.caFile === undefined ? {} : { ca: readTrusted(tls.caFile, 'certificate file', 'Check `tls.caFile`.') }),
    ...(tls.fingerprint256 === undefined ? {} : { fingerprint256: tls.fingerprint256 }),
  };
}

/** A file that says whom to trust. @throws SnaphookError `E_CONFIG` when it cannot be read. */
export function readTrusted(file: string, what: string, hint: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SnaphookError('E_CONFIG', `${what} "${file}" cannot be read`, { cause, hint });
  }
}
