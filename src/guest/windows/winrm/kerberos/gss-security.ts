import { timingSafeEqual } from 'node:crypto';
import type { MessageSecurity } from '../sealing.ts';
import { checksum, decrypt, encrypt, type KerberosKey } from './aes-encryption.ts';

/** Key usages of RFC 4121 section 2. */
const USAGE = { acceptorSeal: 22, acceptorSign: 23, initiatorSeal: 24 } as const;
const FLAG = { sentByAcceptor: 1, sealed: 2, acceptorSubkey: 4 } as const;
const HEADER_BYTES = 16;
const CONFOUNDER_BYTES = 16;
/** The encrypted copy of the header and the check value: what WinRM wants before the data. */
const TRAILER_BYTES = HEADER_BYTES + 12;

export interface GssSessionFacts {
  readonly key: KerberosKey;
  /** The acceptor chose the key: every token says so. */
  readonly isAcceptorSubkey: boolean;
  readonly sendFrom: number;
  readonly receiveFrom: number;
}

/** The messages of one Kerberos login, as its client seals and opens them (RFC 4121 4.2). It belongs to one connection. */
export class GssSecurity implements MessageSecurity {
  readonly #key: KerberosKey;
  readonly #subkeyFlag: number;
  #sendNumber: bigint;
  #receiveNumber: bigint;

  constructor({ key, isAcceptorSubkey, sendFrom, receiveFrom }: GssSessionFacts) {
    this.#key = key;
    this.#subkeyFlag = isAcceptorSubkey ? FLAG.acceptorSubkey : 0;
    this.#sendNumber = BigInt(sendFrom);
    this.#receiveNumber = BigInt(receiveFrom);
  }

  /**
   * WinRM sends a signature apart from as many bytes as the message has: header, trailer turned to the front, confounder
   * (60 bytes), then the data.
   */
  seal(plain: Buffer): { readonly signature: Buffer; readonly sealed: Buffer } {
    const header = wrapHeader(FLAG.sealed | this.#subkeyFlag, this.#sendNumber);
    this.#sendNumber += 1n;
    const cipher = encrypt(this.#key, USAGE.initiatorSeal, Buffer.concat([plain, header]));
    header.writeUInt16BE(TRAILER_BYTES, 6);
    const token = Buffer.concat([header, cipher.subarray(-TRAILER_BYTES), cipher.subarray(0, -TRAILER_BYTES)]);
    const signatureBytes = HEADER_BYTES + TRAILER_BYTES + CONFOUNDER_BYTES;
    return { signature: token.subarray(0, signatureBytes), sealed: token.subarray(signatureBytes) };
  }

  unseal(signature: Buffer, sealed: Buffer): Buffer | undefined {
    const token = Buffer.concat([signature, sealed]);
    const header = token.subarray(0, HEADER_BYTES);
    if (header.length < HEADER_BYTES || token.length < HEADER_BYTES + CONFOUNDER_BYTES + TRAILER_BYTES)
      return undefined;
    const extraBytes = header.readUInt16BE(4);
    const expected = wrapHeader(FLAG.sentByAcceptor | FLAG.sealed | this.#subkeyFlag, this.#receiveNumber);
    expected.writeUInt16BE(extraBytes, 4);
    const turned = rotateLeft(token.subarray(HEADER_BYTES), header.readUInt16BE(6));
    const text = decrypt(this.#key, USAGE.acceptorSeal, turned);
    if (text === undefined || text.length < HEADER_BYTES + extraBytes) return undefined;
    // The copy inside is what is protected; it has no rotation count. The number in it tells replay and wrong order.
    const inside = text.subarray(-HEADER_BYTES);
    if (!timingSafeEqual(inside, expected) || !header.subarray(0, 6).equals(inside.subarray(0, 6))) return undefined;
    this.#receiveNumber += 1n;
    return text.subarray(0, text.length - HEADER_BYTES - extraBytes);
  }

  /** A check of the acceptor over data that both know (RFC 4121 4.2.6.1); it takes a number as messages do. */
  verifyMic(data: Buffer, mic: Buffer): boolean {
    if (mic.length !== HEADER_BYTES + 12) return false;
    const header = micHeader(FLAG.sentByAcceptor | this.#subkeyFlag, this.#receiveNumber);
    this.#receiveNumber += 1n;
    const expected = Buffer.concat([header, checksum(this.#key, USAGE.acceptorSign, Buffer.concat([data, header]))]);
    return timingSafeEqual(mic, expected);
  }
}

function wrapHeader(flags: number, number: bigint): Buffer {
  const header = Buffer.from([5, 4, flags, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeBigUInt64BE(number, 8);
  return header;
}

function micHeader(flags: number, number: bigint): Buffer {
  const header = Buffer.from([4, 4, flags, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeBigUInt64BE(number, 8);
  return header;
}

function rotateLeft(bytes: Buffer, count: number): Buffer {
  const at = count % bytes.length;
  return Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]);
}
