import { createHash, createHmac, randomBytes } from 'node:crypto';
import { md4 } from '../../../src/lab/windows-guest/md4.ts';
import { Rc4 } from '../../../src/lab/windows-guest/rc4.ts';

const FLAGS = 0xe2888235; // unicode, target, sign, seal, NTLM, always sign, extended security, version, 128, key exchange, 56
const EMPTY = Buffer.alloc(0);
const hmac = (key: Buffer, ...parts: Buffer[]) => createHmac('md5', key).update(Buffer.concat(parts)).digest();

export const negotiateMessage = (flags = FLAGS): Buffer => {
  const message = Buffer.alloc(40);
  message.write('NTLMSSP\0', 'latin1');
  message.writeUInt32LE(1, 8);
  message.writeUInt32LE(flags >>> 0, 12);
  return message;
};

export interface Answering {
  readonly domain?: string;
  readonly user: string;
  readonly password: string;
  /** Announces a MIC in the attributes: right, or spoiled. */
  readonly mic?: 'right' | 'wrong';
  readonly channelBinding?: Buffer;
}

/** A client's AUTHENTICATE message for a challenge, and the session key it exchanged (MS-NLMP 3.1.5.1.2). */
export function authenticateMessage(
  negotiate: Buffer,
  challenge: Buffer,
  answering: Answering,
): { readonly message: Buffer; readonly sessionKey: Buffer } {
  const { domain = '', user, password, mic = 'right', channelBinding } = answering;
  const infoAt = challenge.readUInt32LE(44);
  const info = challenge.subarray(infoAt, infoAt + challenge.readUInt16LE(40) - 4);
  const pair = (id: number, value: Buffer) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(id, 0);
    head.writeUInt16LE(value.length, 2);
    return Buffer.concat([head, value]);
  };
  const pairs = [
    info,
    pair(6, Buffer.from([2, 0, 0, 0])),
    channelBinding ? pair(10, channelBinding) : EMPTY,
    Buffer.alloc(4),
  ];
  const blob = Buffer.concat([
    Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]),
    Buffer.alloc(8),
    randomBytes(8),
    Buffer.alloc(4),
    ...pairs,
  ]);
  const responseKey = hmac(md4(Buffer.from(password, 'utf16le')), Buffer.from(user.toUpperCase() + domain, 'utf16le'));
  const proof = hmac(responseKey, challenge.subarray(24, 32), blob);
  const sessionKey = randomBytes(16);
  const fields = [
    EMPTY,
    Buffer.concat([proof, blob]),
    Buffer.from(domain, 'utf16le'),
    Buffer.from(user, 'utf16le'),
    EMPTY,
    new Rc4(hmac(responseKey, proof)).update(sessionKey),
  ];
  const head = Buffer.alloc(88);
  head.write('NTLMSSP\0', 'latin1');
  head.writeUInt32LE(3, 8);
  let offset = head.length;
  for (const [index, field] of fields.entries()) {
    const at = [12, 20, 28, 36, 44, 52][index] ?? 0;
    head.writeUInt16LE(field.length, at);
    head.writeUInt16LE(field.length, at + 2);
    head.writeUInt32LE(offset, at + 4);
    offset += field.length;
  }
  head.writeUInt32LE(FLAGS, 60);
  const message = Buffer.concat([head, ...fields]);
  hmac(sessionKey, negotiate, challenge, message).copy(message, 72);
  if (mic === 'wrong') message[72] = (message[72] ?? 0) ^ 1;
  return { message, sessionKey };
}

/** The client's half of signing and sealing. */
export class NtlmClientSession {
  readonly #key: (direction: string, purpose: string) => Buffer;
  #out: Rc4;
  #in: Rc4;
  #sent = 0;
  #received = 0;

  constructor(sessionKey: Buffer) {
    this.#key = (direction, purpose) =>
      createHash('md5')
        .update(Buffer.concat([sessionKey, Buffer.from(`session key to ${direction} ${purpose} key magic constant\0`)]))
        .digest();
    this.#out = new Rc4(this.#key('client-to-server', 'sealing'));
    this.#in = new Rc4(this.#key('server-to-client', 'sealing'));
  }

  seal(plain: Buffer): Buffer {
    const sealed = this.#out.update(plain);
    const signature = this.#signature(this.#out, 'client-to-server', this.#sent, plain);
    this.#sent += 1;
    return Buffer.concat([signature, sealed]);
  }

  unseal(data: Buffer): Buffer {
    const plain = this.#in.update(data.subarray(16));
    const expected = this.#signature(this.#in, 'server-to-client', this.#received, plain);
    this.#received += 1;
    if (!expected.equals(data.subarray(0, 16))) throw new Error('wrong signature');
    return plain;
  }

  /** SPNEGO's proof of an unchanged mechanism list; `#out` and `#in` start anew after it, the numbers go on. */
  mechanismListMic(mechanisms: Buffer): { readonly own: Buffer; readonly expected: Buffer } {
    const own = this.#signature(this.#out, 'client-to-server', this.#sent, mechanisms);
    const expected = this.#signature(this.#in, 'server-to-client', this.#received, mechanisms);
    this.#sent += 1;
    this.#received += 1;
    this.#out = new Rc4(this.#key('client-to-server', 'sealing'));
    this.#in = new Rc4(this.#key('server-to-client', 'sealing'));
    return { own, expected };
  }

  #signature(stream: Rc4, direction: string, sequence: number, plain: Buffer): Buffer {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(sequence);
    const digest = hmac(this.#key(direction, 'signing'), number, plain).subarray(0, 8);
    return Buffer.concat([Buffer.from([1, 0, 0, 0]), stream.update(digest), number]);
  }
}
