import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../src/platform/clock.ts';
import type { Volume } from '../../src/ports/file-systems.ts';
import { createLinuxFileSystems } from '../../src/proxy/linux/linux-file-systems.ts';
import { emptyImage, inGuest, MIB, partitionDisk, writeAt, writeFiles } from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { heldBelow, newFolder } from './stage.ts';
import { makeExt4, makeVolumeGroup, type Piece, pieceOf } from './volume-group.ts';

const fileSystems = createLinuxFileSystems(systemClock, 'any');
const never = new AbortController().signal;
const GROUP = 'vg-main';
const BOOT_BYTES = 32 * MIB;
const PV_BYTES = 100 * MIB;
const swap = Buffer.alloc(4096);
swap.writeUInt32LE(1, 1024);
swap.writeUInt32LE(1023, 1028);
swap.write('SWAPSPACE2', 4086);

/** A VM of two disks: one with a boot partition and a physical volume, one that is a physical volume without metadata of its own. */
function makeVm() {
  const directory = newFolder('lvm-vm');
  const first = path.join(directory, 'first');
  const second = path.join(directory, 'second');
  emptyImage(first, BOOT_BYTES + PV_BYTES + 2 * MIB);
  emptyImage(second, PV_BYTES);
  const [, offsetBytes = 0] = partitionDisk(first, 'gpt', [
    { content: 'ext4', sizeBytes: BOOT_BYTES },
    { content: Buffer.alloc(0), sizeBytes: PV_BYTES, type: 'lvm' },
  ]);
  const members = [
    { file: first, offsetBytes, sizeBytes: PV_BYTES },
    { file: second, offsetBytes: 0, sizeBytes: PV_BYTES, copies: 0 as const },
  ];
  const pieces = makeVolumeGroup(GROUP, members, [
    { name: 'root', options: ['--size', '32m'] },
    { name: 'swap', options: ['--size', '4m'] },
    // More than the first one has left.
    { name: 'data-1', options: ['--size', '70m'] },
    { name: 'raw', options: ['--size', '4m'] },
    // More than either has left.
    { name: 'spread', options: ['--size', '70m'] },
  ]);
  const root = pieceOf(pieces, 'root');
  const data = pieceOf(pieces, 'data-1');
  const [raw, swapPiece] = [pieceOf(pieces, 'raw'), pieceOf(pieces, 'swap')];
  for (const piece of [root, data]) makeExt4(piece);
  writeAt(swapPiece.file, swapPiece.offsetBytes, swap);
  writeAt(raw.file, raw.offsetBytes, Buffer.from('of an application'));
  return { directory, first, second, root, data };
}

const filled = (piece: Piece, file: string, seed: string) =>
  inGuest(file, piece, 'ext4', (mountPoint) => {
    writeFiles(mountPoint, seed);
    return treeOf(mountPoint);
  });

const mount = (directory: string, folder: string, devicePath: string, beside: readonly string[]) =>
  fileSystems.mount(directory, { folder, devicePath, beside, isQuiet: true }, { check: true }, never);

const told = (volumes: readonly Volume[]) =>
  volumes.map((volume) => [
    volume.logicalVolume?.name ?? volume.partition ?? 'disk',
    volume.state === 'mounted' ? volume.path : `${volume.state}: ${volume.why}`,
  ]);

let vm: ReturnType<typeof makeVm>;

beforeAll(() => {
  vm = makeVm();
});

test('logical volumes of two VMs of one template are handed over byte for byte side by side, and nothing is left of them', async () => {
  const { directory, first, second, root, data } = vm;
  const copies = ['first', 'second'].map((name) => path.join(directory, `${name}-of-other`));
  copyFileSync(first, copies[0] ?? '');
  copyFileSync(second, copies[1] ?? '');
  const disks = [
    { folder: 'one/disk-1', disk: first, beside: [second] },
    { folder: 'one/disk-2', disk: second, beside: [first] },
    { folder: 'two/disk-1', disk: copies[0] ?? '', beside: [copies[1] ?? ''] },
    { folder: 'two/disk-2', disk: copies[1] ?? '', beside: [copies[0] ?? ''] },
  ];
  const trees = disks.map(({ disk, folder }) => filled(folder.endsWith('1') ? root : data, disk, folder));

  const found = [];
  for (const { folder, disk, beside } of disks) found.push(await mount(directory, folder, disk, beside));

  for (const [index, vmName] of ['one', 'two'].entries()) {
    const member = expect.stringMatching(/^no-files: .*"vg-main"/);
    expect(told(found[2 * index] ?? [])).toEqual([
      [1, `${vmName}/disk-1/part1`],
      [2, member],
      ['root', `${vmName}/disk-1/lvm/${GROUP}/root`],
      ['swap', 'no-files: it is swap'],
      ['raw', expect.stringContaining('nothing that is known')],
      ['spread', expect.stringContaining('2 pieces')],
    ]);
    expect(told(found[2 * index + 1] ?? [])).toEqual([
      ['disk', member],
      ['data-1', `${vmName}/disk-2/lvm/${GROUP}/data-1`],
    ]);
  }
  for (const [index, { folder }] of disks.entries()) {
    const name = folder.endsWith('1') ? 'root' : 'data-1';
    expect(treeOf(path.join(directory, folder, 'lvm', GROUP, name))).toEqual(trees[index]);
  }
  expect(new Set(trees.map((tree) => JSON.stringify(tree))).size).toBe(4);
  for (const { folder, disk } of disks) await fileSystems.release(directory, [{ folder, devicePaths: [disk] }], never);
  expect(heldBelow(directory)).toEqual([]);
  expect(() => writeFileSync(path.join(directory, 'one'), '', { flag: 'wx' })).not.toThrow();
});

test('of a group whose other disk is not there, what lies on this one is handed over and the rest is told', async () => {
  const { directory, first } = vm;

  const volumes = await mount(directory, 'alone/disk-1', first, []);

  expect(told(volumes)).toEqual([
    [1, 'alone/disk-1/part1'],
    [2, expect.stringContaining('no-files')],
    ['root', `alone/disk-1/lvm/${GROUP}/root`],
    ['swap', 'no-files: it is swap'],
    ['data-1', expect.stringMatching(/^unreadable: .*none of the disks/)],
    ['raw', expect.stringContaining('nothing that is known')],
    ['spread', expect.stringMatching(/^unreadable: .*none of the disks/)],
  ]);
  await fileSystems.release(directory, [{ folder: 'alone/disk-1', devicePaths: [first] }], never);
  expect(heldBelow(directory)).toEqual([]);
});

test('a disk whose group is described on none of the disks is not readable, and neither is one that is there twice', async () => {
  const { directory, second, first } = vm;
  const twin = path.join(directory, 'twin');
  copyFileSync(second, twin);

  expect(told(await mount(directory, 'a', second, []))).toEqual([['disk', expect.stringContaining('cannot be read')]]);
  expect(told(await mount(directory, 'b', second, [first, twin]))).toEqual([
    ['disk', expect.stringContaining('several of the same id')],
  ]);
  expect(heldBelow(directory)).toEqual([]);
});

test('metadata that were damaged are not believed', async () => {
  const directory = newFolder('lvm-damaged');
  const disk = path.join(directory, 'disk');
  mkdirSync(path.join(directory, 'x'));
  emptyImage(disk, 20 * MIB);
  makeVolumeGroup(
    'vg',
    [{ file: disk, offsetBytes: 0, sizeBytes: 20 * MIB }],
    [{ name: 'a', options: ['--size', '4m'] }],
  );
  const [before] = told(await mount(directory, 'x', disk, []));
  expect(before).toEqual(['disk', expect.stringContaining('"vg"')]);
  // All of the texts that were written one after the other.
  writeAt(disk, 4096 + 512, Buffer.alloc(64 * 1024, '#'));

  expect(told(await mount(directory, 'x', disk, []))).toEqual([['disk', expect.stringContaining('cannot be read')]]);
});
