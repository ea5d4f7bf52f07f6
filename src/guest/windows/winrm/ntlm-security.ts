import { timingSafeEqual } from 'node:crypto';
import { hmacMd5, md5 } from './ntlm-v2.ts';
import { type Rc4, rc4 } from './rc4.ts';
import type { MessageSecurity } from './sealing.ts';

const SIGNATURE_BYTES = 16;

/** The keys of one direction (MS-NLMP 3.4.5.2 and 3.4.5.3, extended session security, 128 bits). */
export interface DirectionKeys {
  readonly signKey: Buffer;
  readonly sealKey: Buffer;
}

export function directionKeys(
  exportedSessionKey: Uint8Array,
  direction: 'client-to-server' | 'server-to-client',
): DirectionKeys {
  const magic = (purpose: string) =>
    Buffer.from(`session key to ${direction} ${purpose} key magic constant\0`, 'latin1');
  return { signKey: md5(exportedSessionKey, magic('signing')), sealKey: md5(exportedSessionKey, magic('sealing')) };
}

/** One direction's counter and key stream: messages must be sealed and unsealed in the order they travel. */
class SealedDirection {
  readonly #signKey: Buffer;
  readonly #stream: Rc4;
  #sequence = 0;

  constructor(keys: DirectionKeys) {
    this.#signKey = keys.signKey;
    this.#stream = rc4(keys.sealKey);
  }

  transform(data: Uint8Array): Buffer {
    return this.#stream(data);
  }

  /** Signature over the plain text, its checksum sealed with the same key stream (MS-NLMP 3.4.4.2). */
  sign(plain: Uint8Array): Buffer {
    const sequence = Buffer.alloc(4);
    sequence.writeUInt32LE(this.#sequence);
    this.#sequence = (this.#sequence + 1) >>> 0;
    const checksum = hmacMd5(this.#signKey, sequence, plain).subarray(0, 8);
    return Buffer.concat([Buffer.from([1, 0, 0, 0]), this.#stream(checksum), sequence]);
  }
}

/** The security context one NTLM login made, as the client holds it. It belongs to one connection. */
export class NtlmSecurity implements MessageSecurity {
  readonly #outgoing: SealedDirection;
  readonly #incoming: SealedDirection;

  constructor(exportedSessionKey: Uint8Array) {
    this.#outgoing = new SealedDirection(directionKeys(exportedSessionKey, 'client-to-server'));
    this.#incoming = new SealedDirection(directionKeys(exportedSessionKey, 'server-to-client'));
  }

  seal(plain: Uint8Array): { readonly signature: Buffer; readonly sealed: Buffer } {
    const sealed = this.#outgoing.transform(plain);
    return { signature: this.#outgoing.sign(plain), sealed };
  }

  /** Returns undefined when the signature does not fit: altered, replayed, or out of order. */
  unseal(signature: Uint8Array, sealed: Uint8Array): Buffer | undefined {
    if (signature.length !== SIGNATURE_BYTES) return undefined;
    const plain = this.#incoming.transform(sealed);
    const expected = this.#incoming.sign(plain);
    return timingSafeEqual(expected, signature) ? plain : undefined;
  }
}
