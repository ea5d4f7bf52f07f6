import { timingSafeEqual } from 'node:crypto';
import type { SealedSession } from '../sealed-body.ts';
import { type AesKey, openWith, sealWith } from './aes.ts';

const CLIENT_SEALS = 24;
const SERVER_SEALS = 22;
const SEALED = 0x02;
const BY_SERVER = 0x01;
const SERVER_KEY = 0x04;
/** Header, trailer turned to the front (copy of the header, check), confounder. */
const SIGNATURE = 16 + 28 + 16;
const TURNED = 28;

/** The messages of one Kerberos log-on, seen from the server, with the key that the server chose (RFC 4121 4.2). */
export class GssSession implements SealedSession {
  readonly #key: AesKey;
  #expected: bigint;
  #next: bigint;

  constructor(key: AesKey, clientStartsAt: number, serverStartsAt: number) {
    this.#key = key;
    this.#expected = BigInt(clientStartsAt);
    this.#next = BigInt(serverStartsAt);
  }

  /** Takes only the form that Windows' own interface can open: the data apart from a signature of 60 bytes. */
  unseal(signature: Buffer, sealed: Buffer): Buffer | undefined {
    if (signature.length !== SIGNATURE) return undefined;
    const wanted = this.#header(SEALED | SERVER_KEY, this.#expected);
    const sent = signature.subarray(0, 16);
    if (sent.readUInt16BE(6) !== TURNED || !sent.subarray(0, 6).equals(wanted.subarray(0, 6))) return undefined;
    const turned = signature.subarray(16, 16 + TURNED);
    const opened = openWith(this.#key, CLIENT_SEALS, Buffer.concat([signature.subarray(16 + TURNED), sealed, turned]));
    if (opened === undefined || !timingSafeEqual(opened.subarray(-16), wanted)) return undefined;
    this.#expected += 1n;
    return opened.subarray(0, -16);
  }

  seal(plain: Buffer): { readonly signature: Buffer; readonly sealed: Buffer } {
    const header = this.#header(SEALED | BY_SERVER | SERVER_KEY, this.#next);
    this.#next += 1n;
    const cipher = sealWith(this.#key, SERVER_SEALS, Buffer.concat([plain, header]));
    header.writeUInt16BE(TURNED, 6);
    const end = cipher.length - TURNED;
    return {
      signature: Buffer.concat([header, cipher.subarray(end), cipher.subarray(0, 16)]),
      sealed: cipher.subarray(16, end),
    };
  }

  #header(flags: number, sequence: bigint): Buffer {
    const header = Buffer.from([5, 4, flags, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeBigUInt64BE(sequence, 8);
    return header;
  }
}
