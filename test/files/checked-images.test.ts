import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { ended, start } from '../crash/killed-run.ts';
import { openSite, type Site } from '../lab/main-job/site.ts';
import { leftByKilled } from '../left-behind.ts';
import { writeSqlite } from './databases.ts';
import { emptyImage, inGuest, MIB, makeFileSystem, partitionDisk, SIZE_BYTES } from './disk-image.ts';
import { copyToDevice } from './lab-device.ts';
import { SPOIL } from './spoil.ts';
import { heldBelow, must, newFolder } from './stage.ts';

const DEVICE = '00101';
const JOB = 'no-freeze';
const CYLINDERS = 250;
const KINDS = ['ext4', 'xfs', 'btrfs'] as const;
const CHECKERS = { ext4: 'e2fsck', xfs: 'xfs_repair', btrfs: 'btrfs' };
const ROOT_UUID = '4f0bd10f-6a1f-4e4b-8a57-0f5d4a3f0a11';

let site: Site;
let folder: string;
let starts: readonly number[];
const partOf = (kind: (typeof KINDS)[number]) => path.join(folder, kind);
const startOf = (kind: (typeof KINDS)[number]) => starts[KINDS.indexOf(kind)] ?? 0;
const exported = () => path.join(site.lab.directory, 'export', JOB);

beforeAll(async () => {
  site = await openSite({ estate: { disks: 1, cylinders: CYLINDERS } });
  folder = newFolder('parts');
  const image = path.join(folder, 'disk');
  emptyImage(image, CYLINDERS * 15 * 131_072 - MIB);
  starts = partitionDisk(
    image,
    'gpt',
    KINDS.map((kind) => ({ content: Buffer.alloc(0), sizeBytes: SIZE_BYTES[kind] })),
  );
  copyToDevice(site, DEVICE, image);
  for (const kind of KINDS) {
    const whole = { offsetBytes: 0, sizeBytes: SIZE_BYTES[kind] };
    emptyImage(partOf(kind), SIZE_BYTES[kind]);
    makeFileSystem(partOf(kind), whole, kind, kind === 'ext4' ? ROOT_UUID : undefined);
    if (kind === 'ext4') inGuest(partOf(kind), whole, kind, fillRoot);
    copyToDevice(site, DEVICE, partOf(kind), startOf(kind));
  }
  leaveDirty();
  useChecks();
});

afterAll(async () => {
  await site.close();
});

function fillRoot(mountPoint: string): void {
  mkdirSync(path.join(mountPoint, 'etc'));
  writeFileSync(path.join(mountPoint, 'etc/fstab'), `UUID=${ROOT_UUID} / ext4 defaults 0 1\n`);
  writeSqlite(mountPoint);
}

/** The file system of the guest as a crash leaves it: its journal has something to replay, which would change its bytes. */
function leaveDirty(): void {
  const copy = path.join(folder, 'dirty');
  copyFileSync(partOf('ext4'), path.join(folder, 'ext4-clean'));
  inGuest(partOf('ext4'), { offsetBytes: 0, sizeBytes: SIZE_BYTES.ext4 }, 'ext4', (mountPoint) => {
    writeFileSync(path.join(mountPoint, 'late'), 'written a moment before');
    must('sync', ['--file-system', mountPoint]);
    must('fsfreeze', ['--freeze', mountPoint]);
    must('fsfreeze', ['--unfreeze', mountPoint]);
    writeFileSync(path.join(mountPoint, 'later'), 'and this one too');
    must('sync', [path.join(mountPoint, 'later')]);
    copyFileSync(partOf('ext4'), copy);
  });
  expect(must('dumpe2fs', ['-h', copy])).toMatch(/needs_recovery/);
  copyFileSync(copy, partOf('ext4'));
  copyToDevice(site, DEVICE, copy, startOf('ext4'));
}

/** For hooks that run as programs, and for those that run here. */
function useChecks(): void {
  const config = parse(readFileSync(site.lab.configFile, 'utf8'));
  config.jobs[JOB].verify = {
    fileSystems: true,
    files: [{ vm: 'sql01', path: '/late', volume: 'hard-disk-1/part1' }],
    applications: [{ kind: 'sqlite', vm: 'sql01', path: '/srv/app/app.db' }],
  };
  config.jobs[JOB].grade = 'crash';
  // The stage has mounts of its own.
  config.proxy.mountNamespace = 'any';
  writeFileSync(site.lab.configFile, stringify(config));
}

function expectNothingLeft(): void {
  expect(heldBelow(site.lab.directory)).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
  expect(existsSync(path.join(exported(), 'snaphook-check'))).toBe(false);
}

const failingPre = (change: Parameters<Site['failingPre']>[0] = {}) => site.failingPre({ job: JOB, ...change });

test('images have the bytes of the snapshot, journals not replayed, and the manifest says what was found sound', async () => {
  const result = await site.pre({ job: JOB });

  expect(heldBelow(site.lab.directory)).toEqual([]);
  expect(existsSync(path.join(exported(), 'snaphook-check'))).toBe(false);
  const { images, checks } = JSON.parse(readFileSync(path.join(exported(), result.manifest), 'utf8'));
  const image = readFileSync(path.join(exported(), images[0].path));
  const ext4 = readFileSync(partOf('ext4'));
  expect(image.subarray(startOf('ext4'), startOf('ext4') + ext4.length).equals(ext4)).toBe(true);
  expect(checks).toMatchObject({
    fileSystems: KINDS.map((kind) => ({ state: 'sound', checkedBy: CHECKERS[kind], fileSystem: { kind } })),
    files: [{ vm: 'sql01', path: '/late', volume: 'hard-disk-1/part1', bytes: 23 }],
    applications: [{ kind: 'sqlite', vm: 'sql01', path: '/srv/app/app.db', checkedBy: 'sqlite3' }],
  });
  await site.post(JOB);
  expectNothingLeft();
});

test('damaged metadata of ext4, XFS and btrfs end the run before anything is handed over, and nothing is left', async () => {
  for (const kind of KINDS) {
    const spoilt = path.join(folder, `${kind}-spoilt`);
    // A journal with something to replay would heal it.
    copyFileSync(kind === 'ext4' ? path.join(folder, 'ext4-clean') : partOf(kind), spoilt);
    SPOIL[kind](spoilt);
    copyToDevice(site, DEVICE, spoilt, startOf(kind));
  }
  try {
    const told = KINDS.map((kind, index) => `partition ${index + 1}" \\(${kind}\\): ${CHECKERS[kind]} says.*`);
    expect(await failingPre()).toMatchObject({
      code: 'E_VERIFY',
      message: expect.stringMatching(new RegExp(told.join(''))),
    });
    expectNothingLeft();
  } finally {
    for (const kind of KINDS) copyToDevice(site, DEVICE, partOf(kind), startOf(kind));
  }
});

test('a database that does not open ends the run, and nothing is left', async () => {
  const wish = { kind: 'sqlite', vm: 'sql01', path: '/etc/fstab', volume: undefined, limitMs: 60_000 } as const;

  const error = await failingPre({ spec: { verify: { fileSystems: false, files: [], applications: [wish] } } });

  expect(error).toMatchObject({ code: 'E_VERIFY', message: expect.stringMatching(/it is no database of SQLite/) });
  expectNothingLeft();
});

test('a partition table that is lost ends the run', async () => {
  const device = site.lab.store.open(DEVICE);
  // The header of the table, and that of its copy at the end of the disk.
  const headers = [512, CYLINDERS * 15 * 131_072 - MIB - 512].map((at) => ({ at, bytes: device.read(at, 512) }));
  for (const { at, bytes } of headers) device.write(at, Buffer.alloc(bytes.length));
  try {
    const spec = { verify: { fileSystems: true, files: [], applications: [] } };
    expect(await failingPre({ spec })).toMatchObject({
      code: 'E_VERIFY',
      message: expect.stringContaining('its partition table (GPT) cannot be found'),
    });
    expectNothingLeft();
  } finally {
    for (const { at, bytes } of headers) device.write(at, bytes);
  }
});

test('killed in the middle of a probe: the post hook takes away its mounts, its view and all the rest', async () => {
  const bin = newFolder('bin');
  const real = must('which', ['unshare']);
  writeFileSync(path.join(bin, 'unshare'), `#!/bin/sh\nkill -9 $PPID\nexec ${real} "$@"\n`);
  chmodSync(path.join(bin, 'unshare'), 0o755);
  const args = ['--job', JOB, '--config', site.lab.configFile];

  const killed = await ended(start('pre-backup', args, { PATH: `${bin}:${process.env.PATH}` }));

  expect(killed).toMatchObject({ killed: true });
  expect(heldBelow(site.lab.directory)).not.toEqual([]);
  expect(leftByKilled(site.lab)).not.toEqual([]);
  expect(existsSync(path.join(exported(), 'snaphook-check/sql01/hard-disk-1/probe'))).toBe(true);

  expect(await ended(start('post-backup', args))).toMatchObject({ exitCode: 0 });

  expectNothingLeft();
});
