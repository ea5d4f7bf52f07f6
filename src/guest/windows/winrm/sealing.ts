/** What a login leaves for the messages of its connection: they are sealed and opened in the order they travel. */
export interface MessageSecurity {
  /** `sealed` has as many bytes as the message. */
  seal(plain: Buffer): { readonly signature: Buffer; readonly sealed: Buffer };
  /** Returns undefined when the signature does not fit: altered, replayed, or out of order. */
  unseal(signature: Buffer, sealed: Buffer): Buffer | undefined;
}

const PROTOCOL = 'application/HTTP-SPNEGO-session-encrypted';
const SOAP_TYPE = 'application/soap+xml;charset=UTF-8';

/** Content type of a sealed message (MS-WSMV 2.2.9.1). */
export const SEALED_CONTENT_TYPE = `multipart/encrypted;protocol="${PROTOCOL}";boundary="Encrypted Boundary"`;

export const isSealed = (contentType: string | undefined): boolean =>
  /^multipart\/encrypted\b/i.test(contentType ?? '');

/** Puts a SOAP message into the two-part sealed form. */
export function sealMessage(security: MessageSecurity, message: Buffer): Buffer {
  const { signature, sealed } = security.seal(message);
  const signatureLength = Buffer.alloc(4);
  signatureLength.writeUInt32LE(signature.length);
  const head =
    '--Encrypted Boundary\r\n' +
    `\tContent-Type: ${PROTOCOL}\r\n` +
    `\tOriginalContent: type=${SOAP_TYPE};Length=${message.length}\r\n` +
    '--Encrypted Boundary\r\n' +
    '\tContent-Type: application/octet-stream\r\n';
  return Buffer.concat([
    Buffer.from(head, 'latin1'),
    signatureLength,
    signature,
    sealed,
    Buffer.from('--Encrypted Boundary--\r\n', 'latin1'),
  ]);
}

/** Takes a sealed answer apart and checks it; returns undefined when it is malformed or its signature does not fit. */
export function unsealMessage(security: MessageSecurity, body: Buffer): Buffer | undefined {
  // The sealed bytes may contain anything, so the end is found by the announced length, not by the boundary.
  const mark = /Content-Type:[ \t]*application\/octet-stream\r\n/i.exec(body.toString('latin1'));
  if (!mark) return undefined;
  const head = body.subarray(0, mark.index).toString('latin1');
  const length = Number(/OriginalContent:[^\r\n]*;[ \t]*Length=(\d+)/i.exec(head)?.[1] ?? Number.NaN);
  const start = mark.index + mark[0].length;
  if (!Number.isSafeInteger(length) || body.length < start + 4) return undefined;
  const sealedStart = start + 4 + body.readUInt32LE(start);
  if (body.length < sealedStart + length) return undefined;
  const plain = security.unseal(
    body.subarray(start + 4, sealedStart),
    body.subarray(sealedStart, sealedStart + length),
  );
  return plain?.length === length ? plain : undefined;
}
