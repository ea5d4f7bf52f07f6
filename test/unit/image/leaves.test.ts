import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { leavesOf, type ReadableContent } from '../../../src/image/leaves.ts';
import { TreeHash } from '../../../src/image/tree-hash.ts';
import type { ContentHash } from '../../../src/ports/images.ts';
import { SEED } from '../../seed.ts';
import { treeHashOf } from '../../tree-hash-of.ts';
import { numbersOf } from './random-device.ts';

const PIECE = 64 * 1024;
const LEAF = 2 * PIECE;
const never = new AbortController().signal;
const replay = `replay: TEST_SEED=${SEED} npx jest test/unit/image/leaves`;

const contentOf = (bytes: Buffer): ReadableContent => ({
  sizeBytes: bytes.length,
  read: async (buffer, positionBytes) => void bytes.copy(buffer, 0, positionBytes),
});

async function hashOf(bytes: Buffer, leafBytes: number): Promise<ContentHash> {
  const hash = new TreeHash(leafBytes);
  for await (const { blake2b } of leavesOf(contentOf(bytes), leafBytes, never)) hash.add(blake2b);
  return hash.end();
}

/** Zeros with data in some pieces. */
function generated(sizeBytes: number, next: () => number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += PIECE) if (next() < 0.4) bytes[at + Math.floor(next() * PIECE)] = 1;
  return bytes;
}

const SIZES = [0, 1, LEAF - 1, LEAF, LEAF + 1, 9 * LEAF - 512, 9 * LEAF, 9 * LEAF + 512];

test.each(SIZES)(
  `the hash of a content is that of its leaves, zeros and all (%i bytes; ${replay})`,
  async (sizeBytes) => {
    for (const bytes of [Buffer.alloc(sizeBytes), generated(sizeBytes, numbersOf(SEED)), randomBytes(sizeBytes)]) {
      expect(await hashOf(bytes, LEAF)).toEqual(treeHashOf(bytes, LEAF));
    }
  },
);

// Not every system has GNU coreutils, and those below 8.31 have no basenc.
const hasTools = ['split', 'b2sum', 'basenc'].every((tool) => spawnSync(tool, ['--version']).status === 0);

(hasTools ? test : test.skip)('stock tools make the same hash', async () => {
  const bytes = Buffer.concat([randomBytes(LEAF), Buffer.alloc(LEAF), randomBytes(700)]);
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'snaphook-leaves-')), 'disk.raw');
  writeFileSync(file, bytes);

  const pipeline = `split -b ${LEAF} --filter=b2sum "$0" | cut -d' ' -f1 | tr a-f A-F | basenc --base16 -d | b2sum`;

  expect(execFileSync('sh', ['-c', pipeline, file], { encoding: 'utf8' }).split(' ')[0]).toBe(
    (await hashOf(bytes, LEAF)).value,
  );
});

test(`leaves come in order, each once, with what is not zero in them (${replay})`, async () => {
  const bytes = generated(20 * LEAF + 100, numbersOf(SEED));
  const rebuilt = Buffer.alloc(bytes.length);
  let expected = 0;

  for await (const { positionBytes, content, stretches } of leavesOf(contentOf(bytes), LEAF, never)) {
    expect(positionBytes).toBe(expected);
    expected += content.length;
    for (const { start, end } of stretches) {
      expect(content.subarray(start, Math.min(start + PIECE, end)).some((byte) => byte !== 0)).toBe(true);
      content.copy(rebuilt, positionBytes + start, start, end);
    }
  }

  expect(rebuilt.equals(bytes)).toBe(true);
});

test('a leaf that is kept is not overwritten, and its memory is used again afterwards', async () => {
  const bytes = randomBytes(40 * LEAF);
  const writes: Promise<void>[] = [];
  const rebuilt = Buffer.alloc(bytes.length);

  for await (const leaf of leavesOf(contentOf(bytes), LEAF, never)) {
    const later = async () => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      leaf.content.copy(rebuilt, leaf.positionBytes);
    };
    writes.push(later());
    leaf.keepFor(writes.at(-1) ?? Promise.resolve());
  }

  expect(rebuilt.equals(bytes)).toBe(true);
});

test('memory does not grow with the content', async () => {
  const memories = new Set<ArrayBufferLike>();
  for await (const { content } of leavesOf(contentOf(Buffer.alloc(100 * LEAF)), LEAF, never))
    memories.add(content.buffer);

  const [memory] = memories;
  expect(memories.size).toBe(1);
  expect(memory?.byteLength).toBeLessThanOrEqual(8 * LEAF);
});

test('memory does not grow with the number of contents, of different sizes and ends', async () => {
  const memories = new Set<ArrayBufferLike>();
  for (let round = 0; round < 12; round += 1) {
    const content = contentOf(Buffer.alloc(100 * LEAF + round * 512));
    for await (const leaf of leavesOf(content, LEAF, never)) {
      memories.add(leaf.content.buffer);
      if (round % 3 === 1) break;
    }
    await expect(through(leavesOf(content, LEAF, never, noThread))).rejects.toThrow('stop');
  }

  expect(memories.size).toBe(1);
});

test('contents that are read at a time have memories of their own', async () => {
  const bytes = randomBytes(20 * LEAF);
  const hashes = await Promise.all(Array.from({ length: 4 }, () => hashOf(bytes, LEAF)));

  expect(hashes).toEqual(Array.from({ length: 4 }, () => treeHashOf(bytes, LEAF)));
});

const noThread = () => fail();
async function through(leaves: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of leaves);
}

describe('who ends early waits until nothing reads any more, when', () => {
  const endings: [string, (abort: AbortController) => void][] = [
    ['the signal aborts', (abort) => abort.abort(new Error('stop'))],
    ['using a leaf fails', () => fail()],
  ];
  test.each(endings)('%s', async (_what, end) => {
    const abort = new AbortController();
    let reading = 0;
    const content: ReadableContent = {
      sizeBytes: 50 * LEAF,
      async read(buffer) {
        reading += 1;
        await new Promise(setImmediate);
        buffer.fill(1);
        reading -= 1;
      },
    };

    const use = async () => {
      for await (const _ of leavesOf(content, LEAF, abort.signal)) end(abort);
    };

    await expect(use()).rejects.toThrow('stop');
    expect(reading).toBe(0);
  });
});

test('what fails while a leaf is kept, or read, is thrown', async () => {
  const failing: ReadableContent = { sizeBytes: 9 * LEAF, read: async (_buffer, at) => void (at > 3 * LEAF && fail()) };
  const keeping = async (leaves: AsyncIterable<{ keepFor(use: Promise<void>): void }>) => {
    for await (const leaf of leaves) leaf.keepFor(Promise.reject(new Error('stop')));
  };

  await expect(keeping(leavesOf(contentOf(Buffer.alloc(LEAF)), LEAF, never))).rejects.toThrow('stop');
  await expect(keeping(leavesOf(contentOf(Buffer.alloc(90 * LEAF)), LEAF, never))).rejects.toThrow('stop');
  await expect(through(leavesOf(failing, LEAF, never))).rejects.toThrow('stop');
});

function fail(): never {
  throw new Error('stop');
}
