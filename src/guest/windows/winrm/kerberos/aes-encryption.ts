import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** A key of Kerberos; `etype` is the encryption type's number (RFC 3961 section 8). */
export interface KerberosKey {
  readonly etype: number;
  readonly value: Buffer;
}

/** aes128-cts-hmac-sha1-96 and aes256-cts-hmac-sha1-96 (RFC 3962), the types every domain since Windows Server 2008 has. */
const KEY_BYTES: ReadonlyMap<number, number> = new Map([
  [17, 16],
  [18, 32],
]);

const BLOCK_BYTES = 16;
const HMAC_BYTES = 12;
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

export const isSupportedKey = ({ etype, value }: KerberosKey): boolean => KEY_BYTES.get(etype) === value.length;

/** The last byte of a derivation constant: what the derived key is for (RFC 3961 5.3). */
const PURPOSE = { checksum: 0x99, encryption: 0xaa, integrity: 0x55 } as const;

/** Encrypts under the key derived for `usage`: confounder, plain text, then the check value (RFC 3961 5.3). */
export function encrypt(key: KerberosKey, usage: number, plain: Buffer, confounder = randomBytes(BLOCK_BYTES)): Buffer {
  const text = Buffer.concat([confounder, plain]);
  return Buffer.concat([
    encryptCts(deriveFor(key, usage, 'encryption'), text),
    hmac(deriveFor(key, usage, 'integrity'), text),
  ]);
}

/** Returns undefined when the check value does not fit: another key, or changed on the way. */
export function decrypt(key: KerberosKey, usage: number, cipher: Buffer): Buffer | undefined {
  if (cipher.length < BLOCK_BYTES + HMAC_BYTES) return undefined;
  const text = decryptCts(deriveFor(key, usage, 'encryption'), cipher.subarray(0, -HMAC_BYTES));
  const expected = hmac(deriveFor(key, usage, 'integrity'), text);
  return timingSafeEqual(expected, cipher.subarray(-HMAC_BYTES)) ? text.subarray(BLOCK_BYTES) : undefined;
}

/** hmac-sha1-96 under the key derived for checksums of this usage (RFC 3961 5.4). */
export const checksum = (key: KerberosKey, usage: number, data: Buffer): Buffer =>
  hmac(deriveFor(key, usage, 'checksum'), data);

function deriveFor(key: KerberosKey, usage: number, purpose: keyof typeof PURPOSE): Buffer {
  const constant = Buffer.alloc(5);
  constant.writeUInt32BE(usage);
  constant[4] = PURPOSE[purpose];
  return deriveKey(key.value, constant);
}

/** DK of RFC 3961 5.1; for AES the random bits are the key itself (RFC 3962). */
export function deriveKey(baseKey: Buffer, constant: Buffer): Buffer {
  const blocks: Buffer[] = [];
  let block = nFold(constant, BLOCK_BYTES);
  while (blocks.length * BLOCK_BYTES < baseKey.length) {
    block = encryptCbc(baseKey, block);
    blocks.push(block);
  }
  return Buffer.concat(blocks).subarray(0, baseKey.length);
}

/** Stretches or folds bytes to a size: copies, each rotated by 13 bits more, added with end-around carry (RFC 3961 5.1). */
export function nFold(data: Buffer, sizeBytes: number): Buffer {
  const copies = leastCommonMultiple(data.length, sizeBytes) / data.length;
  const stretched = Buffer.concat(Array.from({ length: copies }, (_, index) => rotateRight(data, 13 * index)));
  const modulus = (1n << BigInt(8 * sizeBytes)) - 1n;
  let sum = 0n;
  for (let at = 0; at < stretched.length; at += sizeBytes) sum += toBigInt(stretched.subarray(at, at + sizeBytes));
  // Adding with end-around carry is adding modulo 2^n - 1, whose zero is written as all ones.
  const folded = sum === 0n ? 0n : ((sum - 1n) % modulus) + 1n;
  return Buffer.from(folded.toString(16).padStart(2 * sizeBytes, '0'), 'hex');
}

function rotateRight(data: Buffer, bits: number): Buffer {
  const width = BigInt(8 * data.length);
  const shift = BigInt(bits) % width;
  const value = toBigInt(data);
  const rotated = (value >> shift) | ((value << (width - shift)) & ((1n << width) - 1n));
  return Buffer.from(rotated.toString(16).padStart(2 * data.length, '0'), 'hex');
}

const toBigInt = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);

function leastCommonMultiple(one: number, other: number): number {
  let [large, small] = [one, other];
  while (small !== 0) [large, small] = [small, large % small];
  return (one / large) * other;
}

const hmac = (key: Buffer, data: Buffer): Buffer =>
  createHmac('sha1', key).update(data).digest().subarray(0, HMAC_BYTES);

const cbcOf = (key: Buffer): string => `aes-${8 * key.length}-cbc`;

function encryptCbc(key: Buffer, blocks: Buffer): Buffer {
  const cipher = createCipheriv(cbcOf(key), key, ZERO_BLOCK).setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}

function decryptCbc(key: Buffer, blocks: Buffer): Buffer {
  const cipher = createDecipheriv(cbcOf(key), key, ZERO_BLOCK).setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}

/** AES in CBC with cipher text stealing: the last two blocks change places, the last is cut (RFC 3962 section 5). */
export function encryptCts(key: Buffer, text: Buffer): Buffer {
  const padded = Buffer.concat([text, Buffer.alloc((BLOCK_BYTES - (text.length % BLOCK_BYTES)) % BLOCK_BYTES)]);
  const cipher = encryptCbc(key, padded);
  if (cipher.length === BLOCK_BYTES) return cipher;
  const lastAt = cipher.length - BLOCK_BYTES;
  const beforeAt = lastAt - BLOCK_BYTES;
  return Buffer.concat([
    cipher.subarray(0, beforeAt),
    cipher.subarray(lastAt),
    cipher.subarray(beforeAt, lastAt),
  ]).subarray(0, text.length);
}

export function decryptCts(key: Buffer, cipher: Buffer): Buffer {
  if (cipher.length === BLOCK_BYTES) return decryptCbc(key, cipher);
  const tailBytes = cipher.length % BLOCK_BYTES || BLOCK_BYTES;
  const tail = cipher.subarray(-tailBytes);
  const beforeTail = cipher.subarray(-tailBytes - BLOCK_BYTES, -tailBytes);
  // What the cut block has lost stands at the end of the other one's plain text.
  const stolen = decryptCbc(key, beforeTail).subarray(tailBytes);
  const blocks = Buffer.concat([cipher.subarray(0, -tailBytes - BLOCK_BYTES), tail, stolen, beforeTail]);
  return decryptCbc(key, blocks).subarray(0, cipher.length);
}
