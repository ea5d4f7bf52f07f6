import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type RestoreFilesOptions, restoreFilesVerb } from '../../src/cli/restore-files-verb.ts';
import { imageFiles } from '../../src/image/image-files.ts';
import { reap } from '../../src/job/reap.ts';
import type { FileFormat } from '../../src/ports/images.ts';
import { ended, start } from '../crash/killed-run.ts';
import { failure } from '../failure.ts';
import { openSite, type Site } from '../lab/main-job/site.ts';
import { deadlyPrograms } from './deadly-programs.ts';
import { emptyImage, inGuest, MIB, partitionDisk, SIZE_BYTES, writeAt, writeFiles } from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { heldBelow, newFolder } from './stage.ts';

const ROOT_UUID = '4f0bd10f-6a1f-4e4b-8a57-0f5d4a3f0b11';
const DATA_UUID = '4f0bd10f-6a1f-4e4b-8a57-0f5d4a3f0b22';
const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const never = new AbortController().signal;

let site: Site;
/** The hand-over directory as the backup product gave it back: a system on one disk, XFS on the other. */
let backup: string;
let to: string;
let trees: readonly Readonly<Record<string, string>>[];

beforeAll(async () => {
  site = await openSite({ estate: { disks: 1 } });
  backup = newFolder('backup');
  const disks = newFolder('disks');
  const system = path.join(disks, 'system');
  const data = path.join(disks, 'data');
  emptyImage(system, SIZE_BYTES.ext4 + 2 * MIB);
  emptyImage(data, SIZE_BYTES.xfs + 2 * MIB);
  const [start = 0] = partitionDisk(system, 'gpt', [{ content: 'ext4', sizeBytes: SIZE_BYTES.ext4, uuid: ROOT_UUID }]);
  partitionDisk(data, 'gpt', [{ content: 'xfs', sizeBytes: SIZE_BYTES.xfs, uuid: DATA_UUID }]);
  trees = [
    inGuest(system, { offsetBytes: start, sizeBytes: SIZE_BYTES.ext4 }, 'ext4', (root) => {
      mkdirSync(path.join(root, 'etc/app'), { recursive: true });
      writeFiles(path.join(root, 'etc/app'), 'app');
      writeFileSync(
        path.join(root, 'etc/fstab'),
        [
          `UUID=${ROOT_UUID} / ext4 defaults 0 1`,
          `UUID=${DATA_UUID} /srv xfs`,
          `UUID=${DATA_UUID} /up xfs subvol=../../..`,
          `UUID=${DATA_UUID} /a/../b xfs`,
        ].join('\n'),
      );
      return treeOf(path.join(root, 'etc/app'));
    }),
    inGuest(data, { offsetBytes: start, sizeBytes: SIZE_BYTES.xfs }, 'xfs', (root) => {
      writeFiles(root, 'data');
      return treeOf(root);
    }),
  ];
  const images = [
    await write(system, 'web01/hard-disk-1.qcow2', 'qcow2', SIZE_BYTES.ext4 + 2 * MIB),
    await write(data, 'web01/hard-disk-2.vmdk', 'vmdk-stream', SIZE_BYTES.xfs + 2 * MIB),
  ];
  writeFileSync(path.join(backup, 'snaphook-manifest.json'), JSON.stringify(manifestOf(images)));
});
afterAll(() => site.close());
beforeEach(() => {
  to = path.join(newFolder('to'), 'restored');
});

async function write(devicePath: string, file: string, format: FileFormat, sizeBytes: number) {
  const request = { path: file, format, devicePath, sizeBytes };
  return { ...(await imageFiles.write(backup, request, () => undefined, never)), holds: 'disk' };
}

const manifestOf = (images: readonly { readonly path: string }[]) => ({
  schema: 'snaphook/manifest',
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  run: { id: 'l1k2m3n4-abcdef' },
  snapshot: { name: 'snaphook-l1k2m3n4-abcdef-x1y2z3' },
  vms: [
    {
      name: 'web01',
      instanceUuid: '50aa0000-0000-4000-8000-000000000001',
      grade: 'crash',
      hardware: {
        firmware: 'bios',
        ...{ cpus: 1, coresPerSocket: 1, memoryMiB: 512 },
        slots: images.map((_, index) => ({ disk: 2000 + index, controller: 1000, unit: index })),
      },
      disks: images.map((image, index) => ({
        key: 2000 + index,
        label: `Hard disk ${index + 1}`,
        images: [image.path],
      })),
    },
  ],
  images,
});

const restore = (options: Partial<RestoreFilesOptions> = {}) =>
  restoreFilesVerb(
    { configFile: site.lab.configFile, reporter: silent, signal: never },
    {
      ...{ manifest: backup, vm: undefined, publicKey: undefined, disk: [], volume: undefined },
      ...{ path: '/etc/app', to, apply: true },
      ...options,
    },
  );

/** Nothing but what was there before, and maybe the files. */
function expectNothingLeft(): void {
  const parent = path.dirname(to);
  expect(heldBelow(parent)).toEqual([]);
  expect(readdirSync(parent).filter((name) => name !== 'restored')).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
}

test('without --apply it is told what lies at a path of the guest, and nothing is left of the look', async () => {
  const { document } = await restore({ apply: false });

  expect(document).toMatchObject({ applied: false, disk: 'Hard disk 1', files: 12, folders: 4, notIncluded: [] });
  expect(existsSync(to)).toBe(false);
  expectNothingLeft();
});

test('files are taken out of images, byte for byte, by the paths of the guest; the images stay as they are', async () => {
  const before = treeOf(backup);

  await restore();
  expect(treeOf(path.join(to, 'app'))).toEqual(trees[0]);
  expectNothingLeft();

  to = path.join(newFolder('to'), 'restored');
  await restore({ path: '/srv/folder 1' });
  const wanted = Object.entries(trees[1] ?? {}).filter(([name]) => name.startsWith('folder 1/'));
  expect(treeOf(path.dirname(path.join(to, 'folder 1')))).toMatchObject(Object.fromEntries(wanted));
  expectNothingLeft();
  expect(treeOf(backup)).toEqual(before);
});

test('a table of the guest that leads up does not lead out of its file system', async () => {
  const { document } = await restore({ path: '/up/folder 1', apply: false });
  expect(document).toMatchObject({ disk: 'Hard disk 2', files: 4 });

  expect(await failure(restore({ path: `/up${path.dirname(to)}` }))).toMatchObject({ code: 'E_RESTORE' });
  expect(existsSync(to)).toBe(false);
  expectNothingLeft();
});

test('nothing is overwritten, and of a path that is not there nothing is left', async () => {
  mkdirSync(to);
  writeFileSync(path.join(to, 'mine'), 'mine');
  expect(await failure(restore())).toMatchObject({ code: 'E_RESTORE' });
  expect(readFileSync(path.join(to, 'mine'), 'utf8')).toBe('mine');

  to = path.join(newFolder('to'), 'restored');
  const disk = ['Hard disk 1'];
  expect(await failure(restore({ disk, path: '/etc/none' }))).toMatchObject({ code: 'E_RESTORE' });
  expect(await failure(restore({ disk, path: '/etc', volume: 'part2' }))).toMatchObject({ code: 'E_RESTORE' });
  expectNothingLeft();
});

test('of an image that is not as its manifest says no file is taken', async () => {
  const file = path.join(backup, 'web01/hard-disk-1.qcow2');
  const original = readFileSync(file);
  writeAt(file, original.indexOf(`UUID=${ROOT_UUID} /`), Buffer.from('u'));
  try {
    expect(await failure(restore({ disk: ['Hard disk 1'] }))).toMatchObject({ code: 'E_VERIFY' });
    expectNothingLeft();
  } finally {
    writeFileSync(file, original);
  }
});

// Of the first disk: attach, detach when unused, mount, unmount, and for the read-only mount attach, detach, mount.
test.each([1, 3, 7])('killed after program %d: reap takes away what it mounted and its folder', async (nth) => {
  const words = ['restore', 'files', backup, '--path', '/etc/app', '--disk', 'Hard disk 1', '--to', to, '--apply'];
  const child = start(
    'snaphook',
    [...words, '--config', site.lab.configFile],
    deadlyPrograms(['losetup', 'mount', 'umount'], nth),
  );
  expect(await ended(child)).toMatchObject({ killed: true });
  expect(heldBelow(path.dirname(to))).not.toEqual([]);

  const request = { apply: true, includeWaiting: false, olderThanMs: 0 };
  const reaped = await site.withPorts((ports) => reap(ports, request, never));

  expect(reaped.map(({ finding, did }) => [finding.kind, did])).toContainEqual(['crashed-run', 'removed']);
  expect(existsSync(to)).toBe(false);
  expectNothingLeft();
});
