import { createHash } from 'node:crypto';

/** Signature algorithms with a hash stronger than SHA-256, by the DER bytes of their object identifier. */
const STRONGER_HASHES: readonly (readonly [string, string])[] = [
  ['2a864886f70d01010c', 'sha384'], // sha384WithRSAEncryption
  ['2a864886f70d01010d', 'sha512'], // sha512WithRSAEncryption
  ['2a8648ce3d040303', 'sha384'], // ecdsa-with-SHA384
  ['2a8648ce3d040304', 'sha512'], // ecdsa-with-SHA512
  ['608648016503040202', 'sha384'], // id-sha384, as parameter of RSASSA-PSS
  ['608648016503040203', 'sha512'], // id-sha512, as parameter of RSASSA-PSS
];

interface DerElement {
  readonly contentStart: number;
  readonly end: number;
}

function derElement(bytes: Buffer, start: number): DerElement {
  const first = bytes[start + 1] ?? 0;
  if (first < 0x80) return { contentStart: start + 2, end: start + 2 + first };
  const lengthBytes = first & 0x7f;
  const length = bytes.readUIntBE(start + 2, lengthBytes);
  return { contentStart: start + 2 + lengthBytes, end: start + 2 + lengthBytes + length };
}

/**
 * Channel binding data of type `tls-server-end-point` for a DER certificate (RFC 5929 4.1): the certificate's hash by the
 * hash function of its own signature, with SHA-256 in place of MD5 and SHA-1.
 */
export function tlsServerEndPoint(certificate: Buffer): Buffer {
  const body = derElement(certificate, derElement(certificate, 0).contentStart);
  const algorithm = derElement(certificate, body.end);
  const named = certificate.subarray(algorithm.contentStart, algorithm.end).toString('hex');
  const hash = STRONGER_HASHES.find(([identifier]) => named.includes(identifier))?.[1] ?? 'sha256';
  return Buffer.concat([Buffer.from('tls-server-end-point:', 'latin1'), createHash(hash).update(certificate).digest()]);
}
