const rotateLeft = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

type Mix = (b: number, c: number, d: number) => number;

interface Round {
  readonly mix: Mix;
  readonly constant: number;
  readonly shifts: readonly [number, number, number, number];
  /** Which message word each of the sixteen steps takes. */
  readonly order: readonly number[];
}

const ROUNDS: readonly Round[] = [
  {
    mix: (b, c, d) => (b & c) | (~b & d),
    constant: 0,
    shifts: [3, 7, 11, 19],
    order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  },
  {
    mix: (b, c, d) => (b & c) | (b & d) | (c & d),
    constant: 0x5a827999,
    shifts: [3, 5, 9, 13],
    order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
  },
  {
    mix: (b, c, d) => b ^ c ^ d,
    constant: 0x6ed9eba1,
    shifts: [3, 9, 11, 15],
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
  },
];

function pad(message: Uint8Array): Buffer {
  const paddedBytes = (Math.floor((message.length + 8) / 64) + 1) * 64;
  const padded = Buffer.alloc(paddedBytes);
  padded.set(message);
  padded[message.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(message.length) * 8n, paddedBytes - 8);
  return padded;
}

/**
 * MD4 (RFC 1320). NTLM derives its keys from it, and the OpenSSL 3 inside Node no longer offers it.
 * Broken as a hash: for NTLM only.
 */
export function md4(message: Uint8Array): Buffer {
  const padded = pad(message);
  let [a, b, c, d] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let block = 0; block < padded.length; block += 64) {
    const before = [a, b, c, d] as const;
    for (const { mix, constant, shifts, order } of ROUNDS) {
      for (const [step, word] of order.entries()) {
        const sum = a + mix(b, c, d) + padded.readInt32LE(block + word * 4) + constant;
        const turned = rotateLeft(sum | 0, shifts[step % 4] ?? 0);
        [a, b, c, d] = [d, turned, b, c];
      }
    }
    a = (a + before[0]) | 0;
    b = (b + before[1]) | 0;
    c = (c + before[2]) | 0;
    d = (d + before[3]) | 0;
  }
  const digest = Buffer.alloc(16);
  for (const [index, value] of [a, b, c, d].entries()) digest.writeInt32LE(value, index * 4);
  return digest;
}
