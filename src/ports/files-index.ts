import type { WrittenFile } from './images.ts';

/**
 * The index beside mounted file systems: a text with a line of five words, divided by tabs, for everything in them but devices, sockets
 * and pipes. `kind`, bytes of a file, time of its last change in milliseconds since 1970, BLAKE2b-512 of a file in hex or where a link
 * leads to, and the path from the hand-over directory. What a kind does not have is `-`. A folder comes before what is in it, names come in the
 * order of their bytes.
 */
export interface FilesIndex extends WrittenFile {
  readonly entries: number;
}
