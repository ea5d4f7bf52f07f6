import type { FileHandle } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { unreadDevice } from './export-error.ts';
import { PIECE_BYTES } from './image-sink.ts';
import {
  type InspectedLeaf,
  LEAF_PROGRAM,
  type LeafFailure,
  type LeafPlace,
  type ThreadAnswer,
  type ThreadData,
} from './leaf-program.ts';

/** Looks at leaves that lie in one memory, several at a time. */
export interface LeafInspector {
  /** The leaf may be overwritten when this resolves. */
  inspect(place: LeafPlace): Promise<InspectedLeaf>;
  /** Resolves when no thread uses a file or the memory any more. */
  close(): Promise<void>;
}

/** The first bytes of a device. */
export interface FileContent {
  readonly sizeBytes: number;
  readonly file: FileHandle;
  /** As errors call it: `device "/dev/sdb"`. */
  readonly name: string;
}

/** What the threads read leaves from, in place of finding them in the memory, and write what is not zero to. They stay open until `close` has resolved. */
export interface LeafFiles {
  readonly from: FileContent | undefined;
  readonly to: FileHandle | undefined;
}

export type OpenInspector = (memory: SharedArrayBuffer, threads: number, files: LeafFiles) => LeafInspector;

/** What a disk takes as one request, mostly. More does not fit into the fast memory of a processor: hashing and writing would fetch it again. */
const PORTION_BYTES = 16 * PIECE_BYTES;

/**
 * In threads of their own, which also read and write: so a leaf does not travel from processor to processor, and the kernel works for all
 * of them at once.
 */
export const openLeafInspector: OpenInspector = (memory, threads, { from, to }) => {
  const workerData: ThreadData = {
    memory,
    pieceBytes: PIECE_BYTES,
    portionBytes: PORTION_BYTES,
    from: from ? { descriptor: from.file.fd, name: from.name, sizeBytes: from.sizeBytes } : null,
    toDescriptor: to?.fd ?? null,
  };
  const all = startedOf(threads, () => inspectorIn(new Worker(LEAF_PROGRAM, { eval: true, workerData })));
  let next = 0;
  return {
    async inspect(place) {
      const thread = all[next % all.length];
      next += 1;
      if (!thread) throw new TypeError('an inspector has at least one thread');
      return thread.inspect(place);
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
  worker.on('message', (answer: ThreadAnswer) => {
    const asked = waiting.shift();
    if ('leaf' in answer) asked?.resolve(answer.leaf);
    else asked?.reject(errorOf(answer.failure));
  });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`a thread that hashes has ended with ${code}`)));
  return {
    inspect: (place) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure.error);
        waiting.push({ resolve, reject });
        worker.postMessage(place);
      }),
    async close() {
      await worker.terminate();
    },
  };
}

function errorOf({ message, code, isOfSource }: LeafFailure): Error {
  const error = Object.assign(new Error(message), { code });
  return isOfSource ? unreadDevice(message, error) : error;
}
