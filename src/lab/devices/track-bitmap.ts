import type { FileCache } from './file-cache.ts';

/** 512 bytes describe 4,096 tracks (512 MiB of device). */
const PIECE_BYTES = 512;
const PIECE_TRACKS = PIECE_BYTES * 8;

/**
 * A set of track numbers that is also a file (bit n of byte n/8), so that it outlives the process at every moment: a bit
 * is in the file before the call returns. Memory is taken in pieces, on the first bit set in them; the file is read at
 * first use, and does not exist while the set was always empty.
 */
export class TrackBitmap {
  readonly #files: FileCache;
  readonly #path: string;
  readonly #pieces = new Map<number, Uint8Array>();
  #count = 0;
  #loaded = false;

  constructor(files: FileCache, path: string) {
    this.#files = files;
    this.#path = path;
  }

  get count(): number {
    this.#load();
    return this.#count;
  }

  has(track: number): boolean {
    if (!this.#loaded) this.#load();
    const piece = this.#pieces.get(Math.floor(track / PIECE_TRACKS));
    if (!piece) return false;
    const bit = track % PIECE_TRACKS;
    return ((piece[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }

  /** Adds `tracks` consecutive numbers. */
  add(firstTrack: number, tracks = 1): void {
    this.#load();
    const end = firstTrack + tracks;
    for (let from = firstTrack; from < end; ) {
      const index = Math.floor(from / PIECE_TRACKS);
      const to = Math.min(end, (index + 1) * PIECE_TRACKS);
      this.#addWithinPiece(index, from - index * PIECE_TRACKS, to - index * PIECE_TRACKS);
      from = to;
    }
  }

  clear(): void {
    this.#pieces.clear();
    this.#count = 0;
    this.#loaded = true;
    this.#files.remove(this.#path);
  }

  /** All members, ascending. */
  *tracks(): Generator<number> {
    this.#load();
    for (const index of [...this.#pieces.keys()].sort((a, b) => a - b)) {
      const piece = this.#pieces.get(index) ?? new Uint8Array();
      for (const [at, byte] of piece.entries()) {
        for (let bit = 0; byte >> bit; bit++) {
          if ((byte >> bit) & 1) yield index * PIECE_TRACKS + at * 8 + bit;
        }
      }
    }
  }

  #addWithinPiece(index: number, from: number, to: number): void {
    let piece = this.#pieces.get(index);
    if (!piece) {
      piece = new Uint8Array(PIECE_BYTES);
      this.#pieces.set(index, piece);
    }
    let added = 0;
    for (let bit = from; bit < to; bit++) {
      const at = bit >> 3;
      const before = piece[at] ?? 0;
      const after = before | (1 << (bit & 7));
      if (after !== before) added++;
      piece[at] = after;
    }
    if (added === 0) return;
    this.#count += added;
    const firstByte = from >> 3;
    this.#files.write(this.#path, index * PIECE_BYTES + firstByte, piece.subarray(firstByte, ((to - 1) >> 3) + 1));
  }

  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    const stored = this.#files.readAll(this.#path);
    for (let at = 0; at < stored.length; at += PIECE_BYTES) {
      const part = stored.subarray(at, at + PIECE_BYTES);
      if (part.every((byte) => byte === 0)) continue;
      const piece = new Uint8Array(PIECE_BYTES);
      piece.set(part);
      this.#pieces.set(at / PIECE_BYTES, piece);
      for (const byte of piece) for (let bits = byte; bits; bits &= bits - 1) this.#count++;
    }
  }
}
