import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
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
const MIB = 1024 * 1024;
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

describe('a file that threads read and copy themselves', () => {
  test(`arrives as it is, with holes for zeros (${replay})`, async () => {
    const next = numbersOf(SEED);
    for (const sizeBytes of [1, PIECE, LEAF + 1, 40 * LEAF + 100, 7 * MIB + 512]) {
      const bytes = generated(sizeBytes, next);
      const { from, to, copy } = await filesWith(bytes);
      const hash = new TreeHash(LEAF);
      const rebuilt = Buffer.alloc(sizeBytes);
      const copied = (at: number, length: number) => readFileSync(copy).subarray(at, at + length);
      for await (const leaf of leavesOf({ sizeBytes, file: from, name: 'it' }, LEAF, never, { copyTo: to })) {
        hash.add(leaf.blake2b);
        leaf.content.copy(rebuilt, leaf.positionBytes);
        for (const { start, end } of leaf.stretches)
          expect(copied(leaf.positionBytes + start, end - start).equals(leaf.content.subarray(start, end))).toBe(true);
      }
      await to.truncate(sizeBytes);

      expect(hash.end()).toEqual(treeHashOf(bytes, LEAF));
      expect(rebuilt.equals(bytes)).toBe(true);
      expect(readFileSync(copy).equals(bytes)).toBe(true);
      const pieces = Math.ceil(sizeBytes / PIECE);
      const zeros = Array.from({ length: pieces }, (_, at) => bytes.subarray(at * PIECE, (at + 1) * PIECE)).filter(
        (piece) => piece.every((byte) => byte === 0),
      ).length;
      expect(statSync(copy).blocks * 512).toBeLessThan((pieces - zeros + 1) * PIECE);
      await Promise.all([from.close(), to.close()]);
    }
  });

  test('and that ends too early, cannot be read or cannot be written, says so', async () => {
    const { from, to } = await filesWith(Buffer.alloc(9 * LEAF + 5, 1));
    const [folder, full] = [await open(os.tmpdir(), 'r'), await open('/dev/full', 'w')];
    const sizeBytes = 20 * LEAF;
    const copied = (file: FileHandle, copyTo: FileHandle) =>
      through(leavesOf({ sizeBytes, file, name: 'device "/dev/x"' }, LEAF, never, { copyTo }));

    await expect(copied(from, to)).rejects.toThrow(`device "/dev/x" ends at byte ${9 * LEAF + 5}, before ${sizeBytes}`);
    await expect(copied(folder, to)).rejects.toThrow('device "/dev/x" cannot be read: EISDIR');
    await expect(copied(from, full)).rejects.toMatchObject({ code: 'ENOSPC' });
    await Promise.all([from, to, folder, full].map((handle) => handle.close()));
  });

  test('is let go when its use ends early: no thread writes any more', async () => {
    const bytes = randomBytes(60 * LEAF);
    const { from, to, copy } = await filesWith(bytes);
    for await (const _ of leavesOf({ sizeBytes: bytes.length, file: from, name: 'it' }, LEAF, never, { copyTo: to }))
      break;
    await to.truncate(0);
    await Promise.all([from.close(), to.close()]);

    expect(statSync(copy).size).toBe(0);
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort')).toEqual([]);
  });
});

async function filesWith(bytes: Buffer): Promise<{ from: FileHandle; to: FileHandle; copy: string }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-leaves-'));
  const copy = path.join(folder, 'copy');
  writeFileSync(path.join(folder, 'file'), bytes);
  return { from: await open(path.join(folder, 'file'), 'r'), to: await open(copy, 'wx'), copy };
}

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
    await expect(through(leavesOf(content, LEAF, never, { openInspector: noThread }))).rejects.toThrow('stop');
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

test('what fails while a leaf is read is thrown', async () => {
  const failing: ReadableContent = { sizeBytes: 9 * LEAF, read: async (_buffer, at) => void (at > 3 * LEAF && fail()) };
  await expect(through(leavesOf(failing, LEAF, never))).rejects.toThrow('stop');
});

function fail(): never {
  throw new Error('stop');
}
