/** The messages of one log-on: opened and sealed in the order they travel. */
export interface SealedSession {
  /** Undefined when the signature is not right for this message at this place in the stream. */
  unseal(signature: Buffer, sealed: Buffer): Buffer | undefined;
  seal(plain: Buffer): { readonly signature: Buffer; readonly sealed: Buffer };
}

const BOUNDARY = 'Encrypted Boundary';
const PROTOCOL = 'application/HTTP-SPNEGO-session-encrypted';

export const SEALED_CONTENT_TYPE = `multipart/encrypted;protocol="${PROTOCOL}";boundary="${BOUNDARY}"`;

export function isSealed(contentType: string | undefined): boolean {
  return /^multipart\/encrypted\b/i.test(contentType ?? '');
}

/** Opens one sealed message (MS-WSMV 2.2.9.1.1.2). Undefined when it is malformed or its signature is wrong. */
export function openSealedBody(session: SealedSession, body: Buffer): Buffer | undefined {
  const separator = Buffer.from(`--${BOUNDARY}`, 'latin1');
  const second = body.indexOf(separator, separator.length);
  if (!body.subarray(0, separator.length).equals(separator) || second < 0) return undefined;
  const head = body.subarray(separator.length, second).toString('latin1');
  const plainLength = Number(/OriginalContent:[^\r\n]*Length=(\d+)/i.exec(head)?.[1] ?? Number.NaN);
  const typeStart = body.indexOf('Content-Type: application/octet-stream\r\n', second, 'latin1');
  if (!head.includes(PROTOCOL) || Number.isNaN(plainLength) || typeStart < 0) return undefined;
  const dataStart = body.indexOf('\r\n', typeStart, 'latin1') + 2;
  if (body.length < dataStart + 4) return undefined;
  const sealedStart = dataStart + 4 + body.readUInt32LE(dataStart);
  const sealedEnd = sealedStart + plainLength;
  const tail = body.subarray(sealedEnd).toString('latin1').trimEnd();
  if (body.length < sealedEnd || tail !== `--${BOUNDARY}--`) return undefined;
  return session.unseal(body.subarray(dataStart + 4, sealedStart), body.subarray(sealedStart, sealedEnd));
}

export function formatSealedBody(session: SealedSession, plain: Buffer): Buffer {
  const { signature, sealed } = session.seal(plain);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(signature.length);
  const head =
    `--${BOUNDARY}\r\n\tContent-Type: ${PROTOCOL}\r\n` +
    `\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=${plain.length}\r\n` +
    `--${BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), length, signature, sealed, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}
