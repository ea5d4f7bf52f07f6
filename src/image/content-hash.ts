import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** A hash over parts of one memory, in the order in which they are given. */
export interface ContentHash {
  /** The part may be overwritten when this resolves. */
  update(startBytes: number, lengthBytes: number): Promise<void>;
  /** BLAKE2b-512 in hex. */
  digest(): Promise<string>;
  close(): Promise<void>;
}

export type OpenHash = (memory: SharedArrayBuffer) => ContentHash;

/** One program file is all there is of the product: the thread's program is part of it as text. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const hash = require('node:crypto').createHash('blake2b512');
parentPort.on('message', (part) => {
  if (part === undefined) return parentPort.postMessage(hash.digest('hex'));
  hash.update(new Uint8Array(workerData, part.startBytes, part.lengthBytes));
  parentPort.postMessage('');
});
`;

/** In a thread of its own: it takes longer than reading and writing, which go on meanwhile. */
export const openBlake2b: OpenHash = (memory) => {
  const worker = new Worker(PROGRAM, { eval: true, workerData: memory });
  const ask = async (part: { startBytes: number; lengthBytes: number } | undefined): Promise<string> => {
    const answer = once(worker, 'message');
    worker.postMessage(part);
    const [text] = await answer;
    return String(text);
  };
  return {
    async update(startBytes, lengthBytes) {
      await ask({ startBytes, lengthBytes });
    },
    digest: () => ask(undefined),
    async close() {
      await worker.terminate();
    },
  };
};
