import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  SHADOW_BLOCK_BYTES,
  type ShadowCopy,
  shadowAreaBytes,
  shadowPieces,
} from '../../src/lab/windows-guest/shadow-store.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Volume } from '../../src/ports/file-systems.ts';
import { createLinuxFileSystems } from '../../src/proxy/linux/linux-file-systems.ts';
import { openShadowCopy } from '../../src/proxy/linux/shadow-copies.ts';
import { emptyImage, inGuest, MIB, partitionDisk, SIZE_BYTES, writeAt, writeFiles } from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { heldBelow, must, newFolder } from './stage.ts';

const fileSystems = createLinuxFileSystems(systemClock, 'any');
const never = new AbortController().signal;
const FOLDER = 'vm/hard-disk-1';
const NODES = '/dev/snaphook';
const idOf = (first: string, index: number) => `${first}-8e0c-4c55-9f0b-0c5c6e1e2d0${index}`;
/** As Windows writes the id of the copy of that index. */
const copyId = (index: number) => `{${idOf('11111111', index).toUpperCase()}}`;
const MARKER = 'here Windows keeps what is overwritten';
const AREA_BYTES = 4 * MIB;

let directory: string;
let disk: string;
/** What the volume held when each copy was made. */
let trees: readonly Readonly<Record<string, string>>[];

/** A disk with an NTFS in which two shadow copies were made, with files changed, added and removed after each. */
beforeAll(() => {
  directory = newFolder('shadow');
  disk = path.join(directory, 'disk');
  const sizeBytes = SIZE_BYTES.ntfs;
  emptyImage(disk, sizeBytes + 2 * MIB);
  const [offsetBytes = 0] = partitionDisk(disk, 'gpt', [{ content: 'ntfs', sizeBytes }]);
  const stretch = { offsetBytes, sizeBytes };
  const states: Buffer[] = [];
  const change = (work: (root: string) => void) => {
    const tree = inGuest(disk, stretch, 'ntfs', (root) => {
      work(root);
      return treeOf(root);
    });
    states.push(readFileSync(disk).subarray(offsetBytes, offsetBytes + sizeBytes));
    return tree;
  };
  trees = [
    change((root) => {
      writeFiles(root, 'first');
      mkdirSync(path.join(root, 'System Volume Information'));
      writeFileSync(path.join(root, 'System Volume Information/store'), Buffer.alloc(AREA_BYTES, MARKER));
    }),
    change((root) => {
      writeFiles(root, 'second');
      writeFileSync(path.join(root, 'added'), 'after the first copy');
    }),
    change((root) => {
      must('rm', ['-r', path.join(root, 'folder 1')]);
      writeFileSync(path.join(root, 'added'), 'after the second copy');
    }),
  ];
  addShadowCopies(stretch, states);
});

function addShadowCopies(
  { offsetBytes, sizeBytes }: { offsetBytes: number; sizeBytes: number },
  states: readonly Buffer[],
) {
  const copies = states.slice(0, -1).map((before, index): ShadowCopy => {
    return {
      shadowCopyId: idOf('11111111', index),
      setId: idOf('22222222', index),
      storeId: idOf('33333333', index),
      createdAt: new Date(Date.UTC(2026, 0, 1 + index)),
      overwritten: blocksThatDiffer(before, states[index + 1] ?? before),
    };
  });
  const found = states.at(-1)?.indexOf(MARKER) ?? -1;
  expect(found).toBeGreaterThan(0);
  const areaOffsetBytes = Math.ceil(found / SHADOW_BLOCK_BYTES) * SHADOW_BLOCK_BYTES;
  expect(shadowAreaBytes(sizeBytes, copies)).toBeLessThan(AREA_BYTES - SHADOW_BLOCK_BYTES);
  for (const piece of shadowPieces({ volumeId: idOf('44444444', 0), sizeBytes, areaOffsetBytes }, copies))
    writeAt(disk, offsetBytes + piece.offsetBytes, piece.data);
}

function blocksThatDiffer(before: Buffer, after: Buffer): ReadonlyMap<number, Uint8Array> {
  const blocks = new Map<number, Uint8Array>();
  for (let at = 0; at < before.length; at += SHADOW_BLOCK_BYTES) {
    const block = before.subarray(at, at + SHADOW_BLOCK_BYTES);
    if (!block.equals(after.subarray(at, at + SHADOW_BLOCK_BYTES))) blocks.set(at, block);
  }
  return blocks;
}

const mount = (shadowCopies: readonly string[], isQuiet = false): Promise<readonly Volume[]> =>
  fileSystems.mount(
    directory,
    { folder: FOLDER, devicePath: disk, isQuiet, shadowCopies },
    { check: true, strict: true },
    never,
  );
const release = (devicePaths: readonly string[] | undefined = [disk]) =>
  fileSystems.release(directory, [{ folder: FOLDER, devicePaths }], never);

function expectNothingLeft(): void {
  expect(heldBelow(directory)).toEqual([]);
  expect(existsSync(NODES) ? readdirSync(NODES) : []).toEqual([]);
  expect(heldBelow(NODES)).toEqual([]);
  expect(existsSync(path.join(directory, 'vm'))).toBe(false);
}

/** What a file manager of Windows hides, too; its content is not that of a state. */
const withoutStore = (tree: Readonly<Record<string, string>> | undefined) =>
  Object.fromEntries(Object.entries(tree ?? {}).filter(([name]) => !name.startsWith('System Volume')));

test.each([0, 1])(
  'of two shadow copies in an NTFS volume the one that the guest left (%d) is handed over, whichever is newer',
  async (index) => {
    const volumes = await mount(['{00000000-0000-0000-0000-000000000000}', copyId(index)]);

    const place = `${FOLDER}/part1`;
    expect(volumes).toMatchObject([
      { state: 'mounted', path: place, checkedBy: 'ntfsclone', shadowCopy: copyId(index) },
    ]);
    expect(withoutStore(treeOf(path.join(directory, place)))).toEqual(withoutStore(trees[index]));
    expect(() => writeFileSync(path.join(directory, place, 'new'), '')).toThrow(/EROFS/);
    // The backup product must not find the volume itself beside its files.
    expect(readdirSync(path.join(directory, FOLDER))).toEqual(['part1']);
    expect(await release()).toEqual([]);
    expectNothingLeft();
  },
);

test('a volume without the shadow copy that the guest left is as it was at the instant, while its guest was writing: it is not handed over', async () => {
  expect(await mount([copyId(7)])).toMatchObject([
    { state: 'unreadable', why: expect.stringContaining('may have been writing') },
  ]);
  expectNothingLeft();
});

test('without a shadow copy of the run, those that others left are no matter', async () => {
  const [volume] = await mount([], true);

  expect(volume).toMatchObject({ state: 'mounted' });
  expect(volume).not.toHaveProperty('shadowCopy');
  expect(withoutStore(treeOf(path.join(directory, FOLDER, 'part1')))).toEqual(withoutStore(trees[2]));
  await release();
  expectNothingLeft();
});

test('what a hook that was killed before its last mount has opened of a shadow copy is released, too', async () => {
  const mark = { root: directory, folder: FOLDER };
  const volume = { devicePath: disk, offsetBytes: MIB, sizeBytes: SIZE_BYTES.ntfs, mark };
  expect(await openShadowCopy(volume, [copyId(1)], never)).toMatchObject({ state: 'open', id: copyId(1) });
  expect(heldBelow(NODES)).toHaveLength(1);

  await release();

  expectNothingLeft();
});

test('what stands behind the mount is found by the folder alone when no journal tells the device, and is gone then', async () => {
  await mount([copyId(0)]);
  expect(await release(['/dev/another'])).toMatchObject([{ mountPoint: path.join(directory, FOLDER, 'part1') }]);

  expect(await release(undefined)).toEqual([]);

  expectNothingLeft();
});
