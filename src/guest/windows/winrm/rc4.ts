/**
 * One RC4 key stream (RFC 6229 has vectors); each call goes on where the last one ended, as NTLM's sealing handles do.
 * The OpenSSL 3 inside Node no longer offers it. Broken as a cipher: for NTLM only.
 */
export type Rc4 = (data: Uint8Array) => Buffer;

export function rc4(key: Uint8Array): Rc4 {
  const state = Uint8Array.from({ length: 256 }, (_, index) => index);
  const at = (index: number): number => state[index & 255] ?? 0;
  const swap = (first: number, second: number): void => {
    [state[first], state[second]] = [at(second), at(first)];
  };
  for (let i = 0, j = 0; i < 256; i += 1) {
    j = (j + at(i) + (key[i % key.length] ?? 0)) & 255;
    swap(i, j);
  }
  let i = 0;
  let j = 0;
  return (data) => {
    const output = Buffer.alloc(data.length);
    for (const [index, byte] of data.entries()) {
      i = (i + 1) & 255;
      j = (j + at(i)) & 255;
      swap(i, j);
      output[index] = byte ^ at(at(i) + at(j));
    }
    return output;
  };
}
