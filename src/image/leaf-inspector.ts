import { Worker } from 'node:worker_threads';
import { PIECE_BYTES } from './image-sink.ts';

export interface InspectedLeaf {
  /** BLAKE2b-512 in hex. */
  readonly blake2b: string;
  /** Runs of pieces that are not all zeros, ascending, in bytes from the leaf's begin. */
  readonly stretches: readonly { readonly start: number; readonly end: number }[];
}

/** Looks at leaves that lie in one memory, several at a time. */
export interface LeafInspector {
  /** The leaf may be overwritten when this resolves. */
  inspect(startBytes: number, lengthBytes: number): Promise<InspectedLeaf>;
  close(): Promise<void>;
}

export type OpenInspector = (memory: SharedArrayBuffer, threads: number) => LeafInspector;

/**
 * One program file is all there is of the product: the threads' program is part of it as text. Leaves of zeros are many and all alike:
 * each thread hashes one of a length once.
 */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const { memory, pieceBytes } = workerData;
const zeros = Buffer.alloc(pieceBytes);
const hashesOfZeros = new Map();
const hashOf = (leaf) => createHash('blake2b512').update(leaf).digest('hex');
function stretchesOf(leaf) {
  const stretches = [];
  let isOpen = false;
  for (let at = 0; at < leaf.length; at += pieceBytes) {
    const end = Math.min(at + pieceBytes, leaf.length);
    const isZero = leaf.compare(zeros, 0, end - at, at, end) === 0;
    if (!isZero && isOpen) stretches[stretches.length - 1].end = end;
    if (!isZero && !isOpen) stretches.push({ start: at, end });
    isOpen = !isZero;
  }
  return stretches;
}
function hashOfZeros(leaf) {
  const known = hashesOfZeros.get(leaf.length) ?? hashOf(leaf);
  hashesOfZeros.set(leaf.length, known);
  return known;
}
parentPort.on('message', ({ startBytes, lengthBytes }) => {
  const leaf = Buffer.from(memory, startBytes, lengthBytes);
  const stretches = stretchesOf(leaf);
  parentPort.postMessage({ blake2b: stretches.length === 0 ? hashOfZeros(leaf) : hashOf(leaf), stretches });
});
`;

/** In threads of their own: hashing takes longer than reading and writing, which go on meanwhile. */
export const openLeafInspector: OpenInspector = (memory, threads) => {
  const workerData = { memory, pieceBytes: PIECE_BYTES };
  const all = startedOf(threads, () => inspectorIn(new Worker(PROGRAM, { eval: true, workerData })));
  let next = 0;
  return {
    async inspect(startBytes, lengthBytes) {
      const thread = all[next % all.length];
      next += 1;
      if (!thread) throw new TypeError('an inspector has at least one thread');
      return thread.inspect(startBytes, lengthBytes);
    },
    async close() {
      await Promise.all(all.map((thread) => thread.close()));
    },
  };
};

/** As many as the system lets start, which limits the threads of a user or a service: one is enough. Throws when not even that starts. */
export function startedOf<Thread>(wanted: number, start: () => Thread): readonly Thread[] {
  const started = [start()];
  try {
    while (started.length < wanted) started.push(start());
  } catch {}
  return started;
}

/** Answers come in the order of the questions. */
export function inspectorIn(worker: Worker): LeafInspector {
  const waiting: { resolve(leaf: InspectedLeaf): void; reject(error: unknown): void }[] = [];
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    for (const { reject } of waiting.splice(0)) reject(failure.error);
  };
  worker.on('message', (leaf: InspectedLeaf) => waiting.shift()?.resolve(leaf));
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`a thread that hashes has ended with ${code}`)));
  return {
    inspect: (startBytes, lengthBytes) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure.error);
        waiting.push({ resolve, reject });
        worker.postMessage({ startBytes, lengthBytes });
      }),
    async close() {
      await worker.terminate();
    },
  };
}
