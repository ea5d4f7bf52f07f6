import { createHash } from 'node:crypto';
import type { ContentHash } from '../ports/images.ts';

/** Makes a `ContentHash` of the digests of its leaves. */
export class TreeHash {
  readonly #leafBytes: number;
  readonly #root = createHash('blake2b512');

  constructor(leafBytes: number) {
    this.#leafBytes = leafBytes;
  }

  /** The BLAKE2b-512 of the next leaf in hex. */
  add(leafBlake2b: string): void {
    this.#root.update(leafBlake2b, 'hex');
  }

  /** After the last leaf, once. */
  end(): ContentHash {
    return { algorithm: 'blake2b-512-tree', leafBytes: this.#leafBytes, value: this.#root.digest('hex') };
  }
}
