import { createHash } from 'node:crypto';
import { type ContentHash, LEAF_BYTES } from '../src/ports/images.ts';

const blake2b = (content: Uint8Array): Buffer => createHash('blake2b512').update(content).digest();

/** The hash of a content as docs/images.md tells it. */
export function treeHashOf(content: Buffer, leafBytes = LEAF_BYTES): ContentHash {
  const leaves: Buffer[] = [];
  for (let at = 0; at < content.length; at += leafBytes) leaves.push(blake2b(content.subarray(at, at + leafBytes)));
  return { algorithm: 'blake2b-512-tree', leafBytes, value: blake2b(Buffer.concat(leaves)).toString('hex') };
}
