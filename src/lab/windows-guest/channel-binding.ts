import { createHash, X509Certificate } from 'node:crypto';

/**
 * What NTLM carries for the channel: MD5 over the GSS channel bindings structure whose application data is
 * `tls-server-end-point:` and the hash of the server's certificate (RFC 5929 4.1, MS-NLMP 2.2.2.1).
 * The certificates of the lab are signed with SHA-256, so that is the hash.
 */
export function channelBindingOf(certificatePem: string): Buffer {
  const certificateHash = createHash('sha256').update(new X509Certificate(certificatePem).raw).digest();
  const data = Buffer.concat([Buffer.from('tls-server-end-point:', 'latin1'), certificateHash]);
  // Initiator and acceptor address: type and length, all zero; then the length of the data.
  const structure = Buffer.alloc(20);
  structure.writeUInt32LE(data.length, 16);
  return createHash('md5').update(structure).update(data).digest();
}
