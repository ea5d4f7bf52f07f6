import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** A key of one of the two AES types of RFC 3962. */
export interface AesKey {
  readonly etype: 17 | 18;
  readonly value: Buffer;
}

const BLOCK = 16;
const MAC = 12;

export const newKey = (etype: AesKey['etype'] = 18): AesKey => ({ etype, value: randomBytes(etype === 18 ? 32 : 16) });

/** The AES of one block. */
function block(key: Buffer, data: Buffer, direction: 'encrypt' | 'decrypt'): Buffer {
  const name = key.length === 32 ? 'aes-256-ecb' : 'aes-128-ecb';
  const cipher = direction === 'encrypt' ? createCipheriv(name, key, null) : createDecipheriv(name, key, null);
  return cipher.setAutoPadding(false).update(data);
}

const xor = (one: Buffer, other: Buffer): Buffer => Buffer.from(one.map((byte, index) => byte ^ (other[index] ?? 0)));

/** Bit by bit as RFC 3961 5.1 draws it: a ring of rotated copies, added from the right with the carry going round. */
function fold(text: Buffer, size: number): Buffer {
  const bitAt = (position: number): number => {
    const copy = Math.floor(position / (text.length * 8));
    const within = position % (text.length * 8);
    const source = (((within - 13 * copy) % (text.length * 8)) + text.length * 8) % (text.length * 8);
    return ((text[source >> 3] ?? 0) >> (7 - (source & 7))) & 1;
  };
  let total = text.length * size;
  for (let a = text.length, b = size; b !== 0; ) {
    [a, b] = [b, a % b];
    if (b === 0) total /= a;
  }
  const sum = new Array<number>(size).fill(0);
  let carry = 0;
  for (let at = total - 1; at >= 0; at -= 1) {
    let byte = 0;
    for (let bit = 0; bit < 8; bit += 1) byte = (byte << 1) | bitAt(at * 8 + bit);
    carry += byte + (sum[at % size] ?? 0);
    sum[at % size] = carry & 0xff;
    carry >>= 8;
  }
  for (let at = size - 1; carry !== 0; at = (at + size - 1) % size) {
    carry += sum[at] ?? 0;
    sum[at] = carry & 0xff;
    carry >>= 8;
  }
  return Buffer.from(sum);
}

function derived(key: AesKey, usage: number, well: 0x55 | 0x99 | 0xaa): Buffer {
  const first = block(key.value, fold(Buffer.from([0, 0, 0, usage, well]), BLOCK), 'encrypt');
  return key.etype === 17 ? first : Buffer.concat([first, block(key.value, first, 'encrypt')]);
}

const mac = (key: Buffer, data: Buffer): Buffer => createHmac('sha1', key).update(data).digest().subarray(0, MAC);

export const checksumOf = (key: AesKey, usage: number, data: Buffer): Buffer => mac(derived(key, usage, 0x99), data);

/** Block after block; the last two as RFC 3962's drawing of ciphertext stealing has them. */
export function sealWith(key: AesKey, usage: number, plain: Buffer): Buffer {
  const text = Buffer.concat([randomBytes(BLOCK), plain]);
  const aes = derived(key, usage, 0xaa);
  const blocks: Buffer[] = [];
  let before: Buffer = Buffer.alloc(BLOCK);
  for (let at = 0; at < text.length; at += BLOCK) {
    const padded = Buffer.alloc(BLOCK);
    text.copy(padded, 0, at);
    before = block(aes, xor(padded, before), 'encrypt');
    blocks.push(before);
  }
  if (blocks.length > 1) {
    const [last, stolen] = [blocks.pop(), blocks.pop()];
    if (last && stolen) blocks.push(last, stolen);
  }
  return Buffer.concat([Buffer.concat(blocks).subarray(0, text.length), mac(derived(key, usage, 0x55), text)]);
}

/** Undefined when the check does not fit. */
export function openWith(key: AesKey, usage: number, sealed: Buffer): Buffer | undefined {
  const cipher = sealed.subarray(0, -MAC);
  if (sealed.length < BLOCK + MAC) return undefined;
  const aes = derived(key, usage, 0xaa);
  const count = Math.ceil(cipher.length / BLOCK);
  const parts = Array.from({ length: count }, (_, index) => cipher.subarray(index * BLOCK, (index + 1) * BLOCK));
  if (count > 1) {
    const [tail, swapped] = [parts.pop(), parts.pop()];
    if (tail && swapped) {
      const opened = block(aes, swapped, 'decrypt');
      parts.push(Buffer.concat([tail, opened.subarray(tail.length)]), swapped);
    }
  }
  const texts = parts.map((part, index) => xor(block(aes, part, 'decrypt'), parts[index - 1] ?? Buffer.alloc(BLOCK)));
  const text = Buffer.concat(texts).subarray(0, cipher.length);
  return timingSafeEqual(mac(derived(key, usage, 0x55), text), sealed.subarray(-MAC))
    ? text.subarray(BLOCK)
    : undefined;
}
