/** What a thread is made with. Its descriptors are the process's own: they stay open until the thread has ended. */
export interface ThreadData {
  readonly memory: SharedArrayBuffer;
  readonly pieceBytes: number;
  /** A multiple of `pieceBytes`. So much is read, hashed and written before the rest of a leaf is, while the processor has it at hand. */
  readonly portionBytes: number;
  /** What leaves are read from; null: they lie in the memory already. The name stands in errors. */
  readonly from: { readonly descriptor: number; readonly name: string; readonly sizeBytes: number } | null;
  /** Gets what is not zero, at its place; null: nothing does. */
  readonly toDescriptor: number | null;
}

/** Where a leaf lies in the memory, and in the content. */
export interface LeafPlace {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly positionBytes: number;
}

export interface InspectedLeaf {
  /** BLAKE2b-512 in hex. */
  readonly blake2b: string;
  /** Runs of pieces that are not all zeros, ascending, in bytes from the leaf's begin. */
  readonly stretches: readonly { readonly start: number; readonly end: number }[];
}

export interface LeafFailure {
  readonly message: string;
  readonly code: string | undefined;
  /** It is reading that failed, not writing. */
  readonly isOfSource: boolean;
}

export type ThreadAnswer = { readonly leaf: InspectedLeaf } | { readonly failure: LeafFailure };

/**
 * Answers each `LeafPlace` with a `ThreadAnswer`. One program file is all there is of the product: the threads' program is part of it as
 * text. Leaves of zeros are many and all alike: each thread hashes one of a length once.
 */
export const LEAF_PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const { readSync, writeSync } = require('node:fs');
const { memory, pieceBytes, portionBytes, from, toDescriptor } = workerData;
const zeros = Buffer.alloc(portionBytes);
const hashesOfZeros = new Map();

function hashAfterZeros(lengthBytes) {
  const hash = createHash('blake2b512');
  for (let at = 0; at < lengthBytes; at += portionBytes) hash.update(zeros.subarray(0, lengthBytes - at));
  return hash;
}
function hashOfZeros(lengthBytes) {
  const known = hashesOfZeros.get(lengthBytes) ?? hashAfterZeros(lengthBytes).digest('hex');
  hashesOfZeros.set(lengthBytes, known);
  return known;
}
function read(leaf, start, end, positionBytes) {
  for (let at = start; at < end; ) {
    let bytes;
    try {
      bytes = readSync(from.descriptor, leaf, at, end - at, positionBytes + at);
    } catch (error) {
      error.message = from.name + ' cannot be read: ' + error.message;
      throw Object.assign(error, { isOfSource: true });
    }
    if (bytes === 0) {
      const why = from.name + ' ends at byte ' + (positionBytes + at) + ', before ' + from.sizeBytes;
      throw Object.assign(new Error(why), { isOfSource: true });
    }
    at += bytes;
  }
}
function write(leaf, start, end, positionBytes) {
  for (let at = start; at < end; ) at += writeSync(toDescriptor, leaf, at, end - at, positionBytes + at);
}
function stretchesOf(leaf, start, end) {
  const stretches = [];
  for (let at = start; at < end; at += pieceBytes) {
    const pieceEnd = Math.min(at + pieceBytes, end);
    if (leaf.compare(zeros, 0, pieceEnd - at, at, pieceEnd) === 0) continue;
    const last = stretches.at(-1);
    if (last?.end === at) last.end = pieceEnd;
    else stretches.push({ start: at, end: pieceEnd });
  }
  return stretches;
}
function inspect({ startBytes, lengthBytes, positionBytes }) {
  const leaf = Buffer.from(memory, startBytes, lengthBytes);
  const stretches = [];
  let hash;
  for (let start = 0; start < lengthBytes; start += portionBytes) {
    const end = Math.min(start + portionBytes, lengthBytes);
    if (from !== null) read(leaf, start, end, positionBytes);
    const found = stretchesOf(leaf, start, end);
    if (found.length > 0) hash ??= hashAfterZeros(start);
    hash?.update(leaf.subarray(start, end));
    if (toDescriptor !== null) for (const stretch of found) write(leaf, stretch.start, stretch.end, positionBytes);
    if (found.length > 0 && stretches.at(-1)?.end === found[0].start) stretches.at(-1).end = found.shift().end;
    stretches.push(...found);
  }
  return { blake2b: hash?.digest('hex') ?? hashOfZeros(lengthBytes), stretches };
}
parentPort.on('message', (place) => {
  try {
    parentPort.postMessage({ leaf: inspect(place) });
  } catch ({ message, code, isOfSource = false }) {
    parentPort.postMessage({ failure: { message, code, isOfSource } });
  }
});
`;
