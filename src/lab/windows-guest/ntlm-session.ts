import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Rc4 } from './rc4.ts';
import type { SealedSession } from './sealed-body.ts';

const SIGNATURE_BYTES = 16;
const SEQUENCE_NUMBERS = 2 ** 32;

interface Direction {
  readonly signKey: Buffer;
  readonly sealKey: Buffer;
  stream: Rc4;
  sequence: number;
}

/**
 * Signing and sealing with extended session security, key exchange and 128-bit keys (MS-NLMP 3.4.4.2),
 * seen from the server: it opens what the client sealed and seals with the server's keys.
 */
export class NtlmSession implements SealedSession {
  readonly #incoming: Direction;
  readonly #outgoing: Direction;

  constructor(exportedSessionKey: Buffer) {
    this.#incoming = direction(exportedSessionKey, 'client-to-server');
    this.#outgoing = direction(exportedSessionKey, 'server-to-client');
  }

  /** Undefined when the signature is not right for this message at this place in the stream. */
  unseal(signature: Buffer, sealed: Buffer): Buffer | undefined {
    const plain = this.#incoming.stream.update(sealed);
    return sameBytes(sign(this.#incoming, plain), signature) ? plain : undefined;
  }

  seal(plain: Buffer): { readonly signature: Buffer; readonly sealed: Buffer } {
    const sealed = this.#outgoing.stream.update(plain);
    return { signature: sign(this.#outgoing, plain), sealed };
  }

  /**
   * SPNEGO's check that nobody changed the list of mechanisms. Afterwards both key streams start anew, while the
   * sequence numbers go on (MS-SPNG 3.3.5.1). Returns the server's own, or undefined when the client's is wrong.
   */
  exchangeMechanismListMic(mechanisms: Buffer, clientMic: Buffer): Buffer | undefined {
    const expected = sign(this.#incoming, mechanisms);
    const own = sign(this.#outgoing, mechanisms);
    for (const side of [this.#incoming, this.#outgoing]) side.stream = new Rc4(side.sealKey);
    return sameBytes(expected, clientMic) ? own : undefined;
  }
}

function direction(exportedSessionKey: Buffer, name: 'client-to-server' | 'server-to-client'): Direction {
  const key = (purpose: 'signing' | 'sealing') =>
    createHash('md5')
      .update(exportedSessionKey)
      .update(`session key to ${name} ${purpose} key magic constant\0`, 'latin1')
      .digest();
  const sealKey = key('sealing');
  return { signKey: key('signing'), sealKey, stream: new Rc4(sealKey), sequence: 0 };
}

function sign(side: Direction, message: Buffer): Buffer {
  const signature = Buffer.alloc(SIGNATURE_BYTES);
  const sequence = Buffer.alloc(4);
  sequence.writeUInt32LE(side.sequence % SEQUENCE_NUMBERS);
  side.sequence += 1;
  const digest = createHmac('md5', side.signKey).update(sequence).update(message).digest();
  signature.writeUInt32LE(1, 0);
  side.stream.update(digest.subarray(0, 8)).copy(signature, 4);
  sequence.copy(signature, 12);
  return signature;
}

function sameBytes(expected: Buffer, given: Buffer): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}
