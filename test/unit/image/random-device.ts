import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const MIB = 1024 * 1024;
const SECTOR_BYTES = 512;
/** A test looks up every global by a slow way: not for each byte. */
const { floor, imul } = Math;

/** Numbers of a seed, the same each time (mulberry32). */
export function numbersOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Makes a sparse file as a device: a size of whole sectors, content that compresses and content that does not, single bytes, zeros
 * that were written, stretches over the borders of pieces and tables, sometimes nothing at all or the last byte alone.
 */
export function makeRandomDevice(
  file: string,
  seed: number,
  mostBytes = Number.MAX_SAFE_INTEGER,
): { readonly sizeBytes: number } {
  const next = numbersOf(seed);
  const whole = (from: number, to: number) => from + floor(next() * (to - from + 1));
  const largest = next() < 0.04 ? 600 * MIB : next() < 0.3 ? 70 * MIB : 3 * MIB;
  const sizeBytes = whole(1, Math.min(largest, mostBytes) / SECTOR_BYTES) * SECTOR_BYTES;
  const handle = openSync(file, 'w');
  try {
    ftruncateSync(handle, sizeBytes);
    const put = (at: number, data: Uint8Array) => {
      const fits = data.subarray(0, Math.max(0, sizeBytes - at));
      if (fits.length > 0) writeSync(handle, fits, 0, fits.length, at);
    };
    for (let stretches = whole(0, 6); stretches > 0; stretches -= 1) {
      const data = new Uint8Array(whole(1, next() < 0.3 ? 600_000 : 5000));
      const kind = whole(0, 3);
      if (kind > 0) for (let at = 0; at < data.length; at += 1) data[at] = kind === 1 ? 0x61 : whole(0, 255);
      const border = whole(0, Math.floor(sizeBytes / 65_536)) * 65_536;
      put(next() < 0.5 ? Math.max(0, border - whole(0, 700)) : whole(0, sizeBytes - 1), data);
    }
    if (next() < 0.3) put(sizeBytes - 1, Uint8Array.of(1));
    if (next() < 0.3) put(32 * MIB - 1, Uint8Array.of(1, 2));
    if (next() < 0.3) put(512 * MIB - 1, Uint8Array.of(1, 2));
  } finally {
    closeSync(handle);
  }
  return { sizeBytes };
}
