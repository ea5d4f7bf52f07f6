import type { FileCache } from './file-cache.ts';
import { TRACK_BYTES } from './store-contract.ts';

const ENTRY_BYTES = 4;
/** Stands for "kept, and it held nothing but zeros": no data is stored. */
const NO_SLOT = -1;

/**
 * The tracks one snapshot of one device keeps because they were overwritten since: the old data in slots of an
 * append-only delta file, and an index file with four bytes for each kept track in the order they came
 * (`track * 2 + 1` with data, `track * 2` without). Data is written before its index entry and the entry before the
 * live track changes, so at whatever moment the process dies, what the index says is true.
 */
export class KeptTracks {
  readonly #files: FileCache;
  readonly #deltaPath: string;
  readonly #indexPath: string;
  readonly #slots = new Map<number, number>();
  #dataTracks = 0;
  #loaded = false;

  constructor(files: FileCache, pathWithoutSuffix: string) {
    this.#files = files;
    this.#deltaPath = `${pathWithoutSuffix}.delta`;
    this.#indexPath = `${pathWithoutSuffix}.kept`;
  }

  /** Kept tracks that take space. */
  get dataTracks(): number {
    this.#load();
    return this.#dataTracks;
  }

  has(track: number): boolean {
    if (!this.#loaded) this.#load();
    return this.#slots.has(track);
  }

  hasData(track: number): boolean {
    this.#load();
    return (this.#slots.get(track) ?? NO_SLOT) !== NO_SLOT;
  }

  tracks(): IterableIterator<number> {
    this.#load();
    return this.#slots.keys();
  }

  /** Part of a kept track, from byte `within` of it on. */
  read(track: number, within: number, into: Uint8Array): void {
    this.#load();
    const slot = this.#slots.get(track) ?? NO_SLOT;
    if (slot === NO_SLOT) into.fill(0);
    else this.#files.read(this.#deltaPath, slot * TRACK_BYTES + within, into);
  }

  keepData(track: number, data: Uint8Array): void {
    this.#load();
    const slot = this.#dataTracks;
    this.#files.write(this.#deltaPath, slot * TRACK_BYTES, data);
    this.#appendToIndex([track * 2 + 1]);
    this.#slots.set(track, slot);
    this.#dataTracks++;
  }

  keepZeros(tracks: readonly number[]): void {
    if (tracks.length === 0) return;
    this.#load();
    this.#appendToIndex(tracks.map((track) => track * 2));
    for (const track of tracks) this.#slots.set(track, NO_SLOT);
  }

  remove(): void {
    this.#files.remove(this.#indexPath);
    this.#files.remove(this.#deltaPath);
  }

  #appendToIndex(entries: readonly number[]): void {
    const bytes = Buffer.allocUnsafe(entries.length * ENTRY_BYTES);
    for (const [at, entry] of entries.entries()) bytes.writeUInt32LE(entry, at * ENTRY_BYTES);
    this.#files.write(this.#indexPath, this.#slots.size * ENTRY_BYTES, bytes);
  }

  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    const stored = Buffer.from(this.#files.readAll(this.#indexPath));
    for (let at = 0; at + ENTRY_BYTES <= stored.length; at += ENTRY_BYTES) {
      const entry = stored.readUInt32LE(at);
      this.#slots.set(entry >>> 1, entry & 1 ? this.#dataTracks++ : NO_SLOT);
    }
  }
}
