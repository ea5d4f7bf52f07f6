import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** Signs with an Ed25519 private key in PEM (PKCS #8); the signature in base64. Throws for any other key, without what stands in it. */
export function signText(privateKeyPem: string, text: string): string {
  const key = ed25519(() => createPrivateKey(privateKeyPem), 'it is no private key in PEM');
  return sign(undefined, Buffer.from(text), key).toString('base64');
}

/** Is it the signature (base64) of this text by the owner of that Ed25519 public key (PEM)? Throws for any other key. */
export function isSignatureOf(publicKeyPem: string, text: string, signature: string): boolean {
  const key = ed25519(() => createPublicKey(publicKeyPem), 'it is no public key in PEM');
  return verify(undefined, Buffer.from(text), key, Buffer.from(signature, 'base64'));
}

/** What crypto says of a key it cannot read is of no use to anybody, and may carry it. */
function ed25519(read: () => KeyObject, otherwise: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new Error(otherwise);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is a key of the kind "${key.asymmetricKeyType}"`);
  return key;
}
