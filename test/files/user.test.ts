import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { systemClock } from '../../src/platform/clock.ts';
import { createLinuxFileSystems } from '../../src/proxy/linux/linux-file-systems.ts';
import { emptyImage, inGuest, type Kind, MIB, partitionDisk, SIZE_BYTES, writeFiles } from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { heldBelow, must, newFolder } from './stage.ts';

/** Of nobody. */
const USER_ID = 65_534;
const KINDS: readonly Kind[] = ['ext4', 'xfs', 'ext4'];
const folder = newFolder('programs');
const program = path.join(folder, 'user-program.mjs');

beforeAll(() => {
  // What a user needs of this checkout, where that may be root's alone.
  buildSync({
    entryPoints: [path.join(__dirname, 'main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  for (const place of [path.dirname(folder), folder]) chmodSync(place, 0o755);
});

/** Three partitions; the first one was frozen with a file that was open and deleted, or was being written. */
function disk(copied: 'frozen' | 'written') {
  const directory = newFolder('user');
  const source = path.join(directory, 'source');
  const file = path.join(directory, 'disk');
  emptyImage(source, 2 * SIZE_BYTES.ext4 + SIZE_BYTES.xfs + 2 * MIB);
  const [offsetBytes = 0] = partitionDisk(
    source,
    'gpt',
    KINDS.map((content) => ({ content, sizeBytes: SIZE_BYTES[content] })),
  );
  const tree = inGuest(source, { offsetBytes, sizeBytes: SIZE_BYTES.ext4 }, 'ext4', (mountPoint) => {
    writeFiles(mountPoint, 'user');
    chmodSync(path.join(mountPoint, 'folder 0'), 0o700);
    const open = openSync(path.join(mountPoint, 'deleted'), 'w');
    writeSync(open, Buffer.alloc(MIB, 1));
    rmSync(path.join(mountPoint, 'deleted'));
    must('sync', ['-f', mountPoint]);
    if (copied === 'frozen') must('fsfreeze', ['--freeze', mountPoint]);
    try {
      must('cp', ['--sparse=always', source, file]);
    } finally {
      if (copied === 'frozen') must('fsfreeze', ['--unfreeze', mountPoint]);
      closeSync(open);
    }
    return treeOf(mountPoint);
  });
  for (const place of [directory, file]) chownSync(place, USER_ID, USER_ID);
  return { directory, file, tree };
}

function asUser(...args: readonly string[]) {
  const ids = ['--reuid', String(USER_ID), '--regid', String(USER_ID), '--clear-groups'];
  const { status, stdout, stderr } = spawnSync('setpriv', [...ids, process.execPath, program, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

test('a user who is not root is handed over a frozen ext4 byte for byte, read-only, and nothing is left; the rest is told', () => {
  const { directory, file, tree } = disk('frozen');

  const lines = asUser(directory, file);

  expect(lines).toEqual([
    {
      uid: USER_ID,
      volumes: [
        expect.objectContaining({ state: 'mounted', path: 'vm/hard-disk-1/part1', checkedBy: 'e2fsck' }),
        expect.objectContaining({ state: 'unreadable', why: expect.stringContaining('only root can mount xfs') }),
        expect.objectContaining({ state: 'mounted', path: 'vm/hard-disk-1/part3' }),
      ],
    },
    { tree, written: expect.stringContaining('EROFS') },
    { tree: {}, written: expect.stringContaining('EROFS') },
    { foreign: [] },
  ]);
  expect(heldBelow(directory)).toEqual([]);
  expect(existsSync(path.join(directory, 'vm'))).toBe(false);
});

test('an ext4 that was being written is not shown to a user without its journal', () => {
  const { directory, file } = disk('written');

  expect(asUser(directory, file)).toEqual([
    {
      uid: USER_ID,
      volumes: [
        expect.objectContaining({ state: 'unreadable', why: expect.stringContaining('journal') }),
        expect.objectContaining({ state: 'unreadable' }),
        expect.objectContaining({ state: 'mounted' }),
      ],
    },
    { tree: {}, written: expect.stringContaining('EROFS') },
    { foreign: [] },
  ]);
  expect(heldBelow(directory)).toEqual([]);
});

test('a mount outlives the hook that made it, is for its user alone, and is taken for foreign by whoever has another disk', () => {
  const { directory, file } = disk('frozen');
  const other = path.join(directory, 'other');
  copyFileSync(file, other);
  asUser(directory, file, 'stay');
  const mountPoints = ['part1', 'part3'].map((name) => path.join(directory, 'vm/hard-disk-1', name));
  const [mountPoint = ''] = mountPoints;
  expect(heldBelow(directory)).toEqual(mountPoints);
  const options = must('findmnt', ['--noheadings', '--output', 'OPTIONS', mountPoint]);
  for (const option of ['nosuid', 'nodev', 'noexec']) expect(options.split(',')).toContain(option);
  expect(options).not.toContain('allow_other');

  expect(asUser(directory, other, 'release')).toEqual([
    { foreign: [...mountPoints].reverse().map((place) => ({ mountPoint: place, device: file })) },
  ]);
  expect(asUser(directory, file, 'release')).toEqual([{ foreign: [] }]);
  expect(heldBelow(directory)).toEqual([]);
});

test.each([
  ['its device is known', true],
  ['no journal tells the device', false],
])(
  'a target whose mount is gone already is not let go while the process of that mount has it open: %s',
  async (_, isKnown) => {
    const { directory, file } = disk('frozen');
    asUser(directory, file, 'stay');
    const processes = fuseProcesses(file);
    expect(processes).toHaveLength(2);
    const release = (clock = systemClock) =>
      createLinuxFileSystems(clock, 'any').release(
        directory,
        [{ folder: 'vm/hard-disk-1', devicePaths: isKnown ? [file] : undefined }],
        new AbortController().signal,
      );
    for (const pid of processes) process.kill(pid, 'SIGSTOP');
    try {
      for (const mountPoint of heldBelow(directory)) must('umount', [mountPoint]);

      await expect(
        release({ ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 1000 }),
      ).rejects.toMatchObject({
        code: 'E_PROXY',
        message: expect.stringMatching(/is still held: in use by fuse2fs/),
      });
    } finally {
      for (const pid of processes) process.kill(pid, 'SIGCONT');
    }
    expect(await release()).toEqual([]);
    expect(fuseProcesses(file)).toEqual([]);
  },
);

/** Processes of mounts of the disk that are there. */
function fuseProcesses(file: string): readonly number[] {
  const processes = readdirSync('/proc').filter((name) => {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      return words[0]?.endsWith('fuse2fs') && words.includes(file);
    } catch {
      return false;
    }
  });
  return processes.map(Number);
}
