import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { jobSpec } from '../../src/cli/compose.ts';
import { snapshotExportVerb } from '../../src/cli/snapshot-export-verb.ts';
import { verifyVerb } from '../../src/cli/verify-verb.ts';
import { loadConfig } from '../../src/config/load.ts';
import { keepSnapshot } from '../../src/job/keep.ts';
import { deleteKept } from '../../src/job/kept-changes.ts';
import { reap } from '../../src/job/reap.ts';
import { ended, start } from '../crash/killed-run.ts';
import { failure } from '../failure.ts';
import { openSite, type Site } from '../lab/main-job/site.ts';
import { leftByKilled } from '../left-behind.ts';
import { deadlyPrograms } from './deadly-programs.ts';
import { emptyImage, inGuest, type Kind, MIB, partitionDisk, SIZE_BYTES, writeFiles } from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { copyToDevice } from './lab-device.ts';
import { heldBelow, must, newFolder } from './stage.ts';

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const DEVICE = '00101';
const JOB = 'no-freeze';
/** Of the lab's disk: as many as the file systems below need. */
const CYLINDERS = 250;
const unfrozen = {
  freeze: 'none',
  grade: 'crash',
  files: { onUnreadable: 'fail' },
  verify: { fileSystems: true, files: [], applications: [] },
} as const;
const KINDS: readonly Exclude<Kind, 'ntfs'>[] = ['ext4', 'xfs', 'btrfs'];
const ROOT_UUID = '4f0bd10f-6a1f-4e4b-8a57-0f5d4a3f0a11';
const DATA_UUID = '4f0bd10f-6a1f-4e4b-8a57-0f5d4a3f0a22';
const UUIDS = [ROOT_UUID, DATA_UUID, '4f0bd10f-6a1f-4e4b-8a57-0f5d4a3f0a33'];
const swap = Buffer.alloc(4096);
swap.writeUInt32LE(1, 1024);
swap.writeUInt32LE(1023, 1028);
swap.write('SWAPSPACE2', 4086);

let site: Site;
let trees: readonly Readonly<Record<string, string>>[];
let starts: readonly number[];
const exported = () => path.join(site.lab.directory, 'export', JOB);

beforeAll(async () => {
  site = await openSite({ estate: { disks: 1, cylinders: CYLINDERS } });
  const image = path.join(newFolder('guest-disk'), 'disk');
  emptyImage(image, CYLINDERS * 15 * 131_072 - MIB);
  const partitions = KINDS.map((content, index) => ({
    content,
    sizeBytes: SIZE_BYTES[content],
    uuid: UUIDS[index] ?? '',
  }));
  starts = partitionDisk(image, 'gpt', [...partitions, { content: swap, sizeBytes: 4 * MIB, type: 'swap' }]);
  trees = KINDS.map((kind, index) =>
    inGuest(image, { offsetBytes: starts[index] ?? 0, sizeBytes: SIZE_BYTES[kind] }, kind, (mountPoint) => {
      writeFiles(mountPoint, kind);
      if (kind === 'ext4') {
        mkdirSync(path.join(mountPoint, 'etc'));
        writeFileSync(
          path.join(mountPoint, 'etc/fstab'),
          `UUID=${ROOT_UUID} / ext4 defaults 0 1\nUUID="${DATA_UUID}" /srv/my\\040data xfs defaults 0 2\n/dev/sda3 /unknown btrfs defaults 0 0\n`,
        );
      }
      return treeOf(mountPoint);
    }),
  );
  copyToDevice(site, DEVICE, image);
  useFiles();
});

afterAll(async () => {
  await site.close();
});

/** For hooks that run as programs. */
function useFiles(): void {
  const config = parse(readFileSync(site.lab.configFile, 'utf8'));
  config.jobs[JOB].handOver = 'files';
  // The stage has mounts of its own.
  config.proxy.mountNamespace = 'any';
  writeFileSync(site.lab.configFile, stringify(config));
}

function expectNothingLeft(): void {
  expect(heldBelow(site.lab.directory)).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
  expect(existsSync(path.join(exported(), 'sql01'))).toBe(false);
}

test('pre mounts the file systems of the linked target beside a restore map, byte for byte, and post leaves nothing', async () => {
  const result = await site.pre({ job: JOB, spec: unfrozen });

  expect(result).toMatchObject({ files: [], mounts: { mounted: 3, volumes: 4 } });
  for (const [index, tree] of trees.entries())
    expect(treeOf(path.join(exported(), `sql01/hard-disk-1/part${index + 1}`))).toEqual(tree);
  const manifest = JSON.parse(readFileSync(path.join(exported(), result.manifest), 'utf8'));
  const common = {
    folder: 'sql01/hard-disk-1',
    device: DEVICE,
    vms: [{ name: 'sql01', key: expect.any(Number), disk: 'Hard disk 1' }],
  };
  expect(manifest).toMatchObject({
    folders: ['sql01/hard-disk-1'],
    images: [],
    fileSystems: [
      {
        ...common,
        state: 'mounted',
        path: 'sql01/hard-disk-1/part1',
        checkedBy: 'e2fsck',
        guestMountPoints: ['/'],
        place: { partition: 1, offsetBytes: starts[0] },
        fileSystem: { kind: 'ext4', uuid: ROOT_UUID },
      },
      {
        ...common,
        state: 'mounted',
        path: 'sql01/hard-disk-1/part2',
        checkedBy: 'xfs_repair',
        guestMountPoints: ['/srv/my data'],
      },
      { ...common, state: 'mounted', path: 'sql01/hard-disk-1/part3', checkedBy: 'btrfs', guestMountPoints: [] },
      { ...common, state: 'no-files', fileSystem: { kind: 'swap' } },
    ],
  });
  await site.post(JOB);
  expectNothingLeft();
});

test('with hashes of files, what was restored elsewhere is compared with what was handed over', async () => {
  const verify = { fileSystems: false, fileHashes: true, files: [], applications: [] } as const;
  const { manifest } = await site.pre({ job: JOB, spec: { ...unfrozen, verify } });
  const kept = newFolder('kept');
  must('cp', ['-a', `${exported()}/.`, kept]);
  await site.post(JOB);
  expect(existsSync(path.join(exported(), 'snaphook-files.list'))).toBe(false);
  expectNothingLeft();
  const restored = newFolder('restored');
  must('cp', ['-a', path.join(kept, 'sql01'), restored]);
  const request = { manifest: path.join(kept, manifest), publicKey: undefined, root: restored };
  const never = new AbortController().signal;

  expect(await verifyVerb(request, silent, never)).toMatchObject({ exitCode: 0, document: { ok: true, missing: 0 } });

  rmSync(path.join(restored, 'sql01/hard-disk-1/part2/folder 1/file-4'));
  writeFileSync(path.join(restored, 'sql01/hard-disk-1/part1/etc/fstab'), 'another');
  const differences = [
    { kind: 'changed', path: 'sql01/hard-disk-1/part1/etc/fstab' },
    { kind: 'missing', path: 'sql01/hard-disk-1/part2/folder 1/file-4' },
  ];
  expect(await verifyVerb(request, silent, never)).toMatchObject({
    exitCode: 19,
    document: { ok: false, missing: 1, changed: 1, extra: 0, differences },
  });
  writeFileSync(path.join(kept, 'snaphook-files.list'), 'snaphook files 1\n');
  expect(await failure(verifyVerb(request, silent, never))).toMatchObject({ code: 'E_VERIFY' });
});

test('the files of a kept snapshot are handed over as those of a new one, and the snapshot stays', async () => {
  const never = new AbortController().signal;
  const { configFile } = site.lab;
  const spec = { ...jobSpec(loadConfig(configFile), JOB), freeze: 'none', grade: 'crash' } as const;
  const context = { job: JOB, integration: 'test', instance: undefined, productRunId: undefined, level: undefined };
  const keep = { label: 'for files', days: 1, rule: 'own' } as const;
  const { runId } = await site.withPorts((ports) => keepSnapshot(ports, spec, keep, context, never));
  try {
    await snapshotExportVerb({ configFile, job: JOB, run: runId, vms: [] }, silent, never);

    for (const [index, tree] of trees.entries())
      expect(treeOf(path.join(exported(), `sql01/hard-disk-1/part${index + 1}`))).toEqual(tree);
    await site.post(JOB);
    expect(heldBelow(site.lab.directory)).toEqual([]);
    expect(site.lab.store.snapshots(DEVICE)).toHaveLength(1);
  } finally {
    await site.withPorts((ports) => deleteKept(ports, [runId], { apply: true }, never));
  }
  expectNothingLeft();
});

test('a file system that is not sound ends the run with its checker named, and nothing is left', async () => {
  const device = site.lab.store.open(DEVICE);
  const at = (starts[1] ?? 0) + 512 + 52;
  const original = device.read(at, 4);
  device.write(at, Buffer.from([0, 0, 0x77, 0x77]));
  try {
    expect(await site.failingPre({ job: JOB, spec: unfrozen })).toMatchObject({
      code: 'E_VERIFY',
      message: expect.stringMatching(/"sql01\/hard-disk-1, partition 2" \(xfs\): xfs_repair says 1/),
    });
    expectNothingLeft();
  } finally {
    device.write(at, original);
  }
});

test('an end in the middle of mounting leaves nothing', async () => {
  const stop = new AbortController();
  const running = site.failingPre({ job: JOB, spec: unfrozen, signal: stop.signal });
  while (heldBelow(exported()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort(new Error('the backup product has no patience'));

  expect(await running).toMatchObject({ message: 'the backup product has no patience' });
  expectNothingLeft();
});

test('when the journals are lost, reap unmounts before it takes the target away, in the folder of an owner, too', async () => {
  await site.pre({ job: JOB, spec: { ...unfrozen, ownerGroups: [{ group: 'finance', vms: ['SQL*'] }] } });
  expect(treeOf(path.join(exported(), 'finance/sql01/hard-disk-1/part1'))).toEqual(trees[0]);
  rmSync(path.join(site.lab.directory, 'state'), { recursive: true });
  const request = { apply: true, includeWaiting: false, olderThanMs: 0 };

  const reaped = await site.withPorts((ports) => reap(ports, request, new AbortController().signal));

  expect(reaped.map(({ finding, did }) => [finding.kind, did])).toEqual([
    ['orphan-export', 'removed'],
    ['orphan-snapshot', 'removed'],
  ]);
  expect(existsSync(path.join(exported(), 'finance'))).toBe(false);
  expectNothingLeft();
});

describe('killed', () => {
  const PROGRAMS = ['losetup', 'mount', 'umount'];
  const hookArgs = () => ['--job', JOB, '--config', site.lab.configFile];

  // Of the first file system: attach, detach when unused, mount, unmount, and for the read-only mount attach, detach, mount.
  test.each([1, 3, 5, 7, 17])('after program %d: post finds what was mounted and takes all of it away', async (nth) => {
    const killed = await ended(start('pre-backup', hookArgs(), deadlyPrograms(PROGRAMS, nth)));
    expect(killed).toMatchObject({ killed: true });
    expect(leftByKilled(site.lab)).not.toEqual([]);

    const end = await ended(start('post-backup', hookArgs()));

    expect(end).toMatchObject({ exitCode: 0 });
    expectNothingLeft();
  });

  test('at the last of them: the next pre hook takes all of it away and hands over anew', async () => {
    const killed = await ended(start('pre-backup', hookArgs(), deadlyPrograms(PROGRAMS, 21)));
    expect(killed).toMatchObject({ killed: true });
    const before = heldBelow(exported());
    expect(before).toHaveLength(KINDS.length);

    await site.pre({ job: JOB, spec: { ...unfrozen, onOpenRun: 'replace' } });

    expect(heldBelow(exported())).toEqual(before);
    await site.post(JOB);
    expectNothingLeft();
  });
});
