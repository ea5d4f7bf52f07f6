import type { FileHandle } from 'node:fs/promises';
import os from 'node:os';
import { type FileContent, type LeafInspector, type OpenInspector, openLeafInspector } from './leaf-inspector.ts';
import { giveLeafMemoryBack, takeLeafMemory } from './leaf-memory.ts';
import type { InspectedLeaf } from './leaf-program.ts';

/** Fewer are hashed before another thread is there. */
const LEAVES_WORTH_A_THREAD = 8;
/** More threads are faster than a device or file system mostly is. */
const MOST_THREADS = 4;
/** A thread has the next leaf at hand while its last one is waited for or used. */
const LEAVES_PER_THREAD = 2;
/** Of all leaves that are in memory, as long as one alone is not longer. */
const MOST_MEMORY_BYTES = 64 * 1024 * 1024;

/** What only this thread can read: once, from begin to end, several places at a time. */
export interface ReadableContent {
  readonly sizeBytes: number;
  /** Fills the buffer from that place, or fails. Called again before it has resolved. */
  read(buffer: Buffer, positionBytes: number): Promise<void>;
}

export interface Leaf extends InspectedLeaf {
  readonly positionBytes: number;
  /** Overwritten once the next leaf is asked for. */
  readonly content: Buffer;
}

interface LeavesOptions {
  /** Gets what is not zero of every leaf at its place, before the leaf is yielded. */
  readonly copyTo?: FileHandle;
  /** Numbers of the leaves that are read, ascending. Absent: all. */
  readonly only?: readonly number[] | undefined;
  readonly openInspector?: OpenInspector;
}

/**
 * The leaves of a content in ascending order. Later ones are read, hashed and copied meanwhile, so that memory is a matter of threads and
 * `leafBytes` alone. Whoever ends early waits until nothing reads, writes and uses a leaf any more.
 */
export async function* leavesOf(
  content: ReadableContent | FileContent,
  leafBytes: number,
  signal: AbortSignal,
  { copyTo, only, openInspector = openLeafInspector }: LeavesOptions = {},
): AsyncGenerator<Leaf, void, undefined> {
  const count = only ? only.length : Math.ceil(content.sizeBytes / leafBytes);
  if (count === 0) return;
  const threads = Math.min(Math.ceil(count / LEAVES_WORTH_A_THREAD), os.availableParallelism(), MOST_THREADS);
  const places = Math.max(1, Math.min(count, threads * LEAVES_PER_THREAD, Math.floor(MOST_MEMORY_BYTES / leafBytes)));
  const memory = takeLeafMemory(places * Math.min(leafBytes, content.sizeBytes));
  let inspector: LeafInspector;
  try {
    inspector = openInspector(memory, threads, { from: 'read' in content ? undefined : content, to: copyTo });
  } catch (error) {
    giveLeafMemoryBack(memory);
    throw error;
  }
  const ahead: Promise<Leaf | undefined>[] = [];
  let isEnded = false;
  const readLeaf = async (leaf: number): Promise<Leaf | undefined> => {
    const number = only ? only[leaf] : leaf;
    if (isEnded || leaf >= count || number === undefined) return undefined;
    const positionBytes = number * leafBytes;
    const startBytes = (leaf % places) * leafBytes;
    const lengthBytes = Math.min(leafBytes, content.sizeBytes - positionBytes);
    const buffer = Buffer.from(memory, startBytes, lengthBytes);
    if ('read' in content) await content.read(buffer, positionBytes);
    const inspected = await inspector.inspect({ startBytes, lengthBytes, positionBytes });
    return { ...inspected, positionBytes, content: buffer };
  };
  const readAhead = (leaf: number): void => {
    const reading = readLeaf(leaf);
    // Its failure is looked at when its turn comes, which it does not when an earlier one fails.
    reading.catch(() => undefined);
    ahead[leaf % places] = reading;
  };
  try {
    for (let leaf = 0; leaf < places; leaf += 1) readAhead(leaf);
    for (let leaf = 0; leaf < count; leaf += 1) {
      const read = await ahead[leaf % places];
      signal.throwIfAborted();
      if (!read) throw new TypeError('leaves end before their content');
      yield read;
      readAhead(leaf + places);
    }
    await Promise.all(ahead);
  } finally {
    isEnded = true;
    await Promise.allSettled(ahead);
    await inspector.close();
    giveLeafMemoryBack(memory);
  }
}
