import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../src/platform/clock.ts';
import type { ApplicationKind } from '../../src/ports/file-systems.ts';
import { createLinuxFileSystems } from '../../src/proxy/linux/linux-file-systems.ts';
import { diskOfRunningServer, inDisk, newDisk, writeSqlite } from './databases.ts';
import { writeAt } from './disk-image.ts';
import { heldBelow, must, newFolder } from './stage.ts';

const fileSystems = createLinuxFileSystems(systemClock, 'any');
const never = new AbortController().signal;
const FOLDER = 'vm/hard-disk-1';
const VOLUME = `${FOLDER}/disk`;

/** Mounts a copy of the disk that was changed so, does the work with it, and finds nothing left of either. */
async function onCopy<Result>(
  disk: string,
  change: (mountPoint: string) => void,
  work: (directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = newFolder('probe');
  const copy = path.join(directory, 'disk');
  copyFileSync(disk, copy);
  inDisk(copy, change);
  const before = readFileSync('/proc/self/mountinfo', 'utf8');
  await fileSystems.mount(directory, { folder: FOLDER, devicePath: copy, isQuiet: false }, { check: true }, never);
  try {
    return await work(directory);
  } finally {
    expect(readdirSync(path.join(directory, FOLDER))).toEqual(['disk']);
    await fileSystems.release(directory, [{ folder: FOLDER, devicePaths: [copy] }], never);
    expect(heldBelow(directory)).toEqual([]);
    expect(existsSync(path.join(directory, 'vm'))).toBe(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
  }
}

const probe = (directory: string, kind: ApplicationKind, place: string, signal = never) =>
  fileSystems.probe(directory, { kind, folder: FOLDER, volume: VOLUME, path: place }, signal);

const refusal = (message: RegExp) => ({ code: 'E_VERIFY', message: expect.stringMatching(message) });

describe('a database of SQLite', () => {
  let disk: string;
  const database = '/srv/app/app.db';
  const wal = (mountPoint: string) => path.join(mountPoint, `${database}-wal`);
  const on = (change: (mountPoint: string) => void, place = database) =>
    onCopy(disk, change, (directory) => probe(directory, 'sqlite', place));

  beforeAll(() => {
    disk = newDisk('sqlite');
    inDisk(disk, writeSqlite);
  });

  test('whose WAL is torn in the middle of a commit is sound, as its program would bring it to its end', async () => {
    const tear = (mountPoint: string) => {
      const { size } = statSync(wal(mountPoint));
      expect(size).toBeGreaterThan(4096);
      truncateSync(wal(mountPoint), size - 1000);
    };

    expect(await on(tear)).toEqual({ checkedBy: 'sqlite3', found: 'integrity_check: ok' });
  });

  test('with a page that was overwritten is not sound', async () => {
    const spoil = (mountPoint: string) => writeAt(path.join(mountPoint, database), 3 * 4096, Buffer.alloc(4096, 0x5a));

    await expect(on(spoil)).rejects.toMatchObject(refusal(/sqlite "\/srv\/app\/app.db" is not sound: .*/));
  });

  test.each([
    ['that is not there', () => undefined, '/srv/app/none.db', /is not there/],
    [
      'that is empty, which would be taken for a new one',
      (root: string) => truncateSync(path.join(root, database), 0),
      database,
      /no database of SQLite/,
    ],
    [
      'that a link of the guest leads to',
      (root: string) => symlinkSync('/etc', path.join(root, 'link')),
      '/link/passwd',
      /through a link/,
    ],
    [
      'that is a pipe, which nobody writes to',
      (root: string) => makePipe(path.join(root, 'pipe')),
      '/pipe',
      /no database of SQLite/,
    ],
    ['outside of the volume', () => undefined, '/../disk/srv/app/app.db', /is not there|through a link/],
  ] as const)('%s is refused', async (_, change, place, message) => {
    await expect(on(change, place)).rejects.toMatchObject(refusal(message));
  });

  test('is opened without a network, by nobody, and without what this process has in its environment', async () => {
    // The view has memory in place of the folder that the other files of these tests are in.
    const bin = mkdtempSync('/var/tmp/snaphook-files-');
    chmodSync(bin, 0o711);
    const looks = [
      'id -u',
      'tail -n +3 /proc/net/dev | cut -d: -f1',
      'grep NoNewPrivs /proc/self/status',
      'env | grep -c SECRET',
    ];
    writeFileSync(path.join(bin, 'sqlite3'), `#!/bin/sh\n{ ${looks.join('; ')}; } >&2\nexit 1\n`, { mode: 0o755 });
    const { PATH } = process.env;
    process.env.PATH = `${bin}:${PATH}`;
    process.env.SECRET_OF_THE_HOOK = 'secret';
    try {
      await expect(on(() => undefined)).rejects.toMatchObject(refusal(/: 2000000019 lo NoNewPrivs: 1 0$/));
    } finally {
      process.env.PATH = PATH;
      delete process.env.SECRET_OF_THE_HOOK;
      rmSync(bin, { recursive: true });
    }
  });
});

describe('a cluster of PostgreSQL', () => {
  let disk: string;
  const on = (change: (data: string) => void) =>
    onCopy(
      disk,
      (mountPoint) => change(path.join(mountPoint, 'pg')),
      (directory) => probe(directory, 'postgresql', '/pg'),
    );

  beforeAll(async () => {
    disk = await diskOfRunningServer();
  });

  test('that was captured while its server was writing comes up, with all pages as their checksums say', async () => {
    expect(await on(() => undefined)).toEqual({
      checkedBy: expect.stringMatching(/^PostgreSQL \d+$/),
      found: 'cluster was "in production"; 3 databases after recovery; the checksums of all pages hold',
    });
  });

  test('does so whatever its own settings ask for, of which nothing is executed', async () => {
    const mark = path.join(newFolder('mark'), 'executed');
    const askForMuch = (data: string) => {
      const settings = [
        "shared_preload_libraries = '/pg/evil'",
        `archive_command = 'touch ${mark}'`,
        `restore_command = 'touch ${mark}'`,
        'archive_mode = on',
      ];
      for (const name of ['postgresql.conf', 'postgresql.auto.conf'])
        writeFileSync(path.join(data, name), `${settings.join('\n')}\n`);
      writeFileSync(path.join(data, 'recovery.signal'), '');
    };

    expect(await on(askForMuch)).toMatchObject({ found: expect.stringContaining('3 databases') });
    expect(existsSync(mark)).toBe(false);
  });

  /** A file that would be taken for that of a cluster. */
  function hostVersion(): string {
    const file = path.join(newFolder('version'), 'PG_VERSION');
    writeFileSync(file, '17\n');
    return file;
  }

  const zero = (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size));

  test.each([
    ['whose control file is zeros', (data: string) => zero(path.join(data, 'global/pg_control')), /is not sound: /],
    [
      'whose WAL is zeros',
      (data: string) => {
        const wal = path.join(data, 'pg_wal');
        for (const name of readdirSync(wal).filter((one) => /^[0-9A-F]{24}$/.test(one))) zero(path.join(wal, name));
      },
      /could not locate a valid checkpoint record/,
    ],
    [
      'with a page that is not as its checksum says',
      (data: string) => {
        const [folder = ''] = readdirSync(path.join(data, 'base')).sort((a, b) => Number(b) - Number(a));
        const [file = ''] = readdirSync(path.join(data, 'base', folder))
          .filter((name) => /^\d+$/.test(name))
          .sort(
            (a, b) =>
              statSync(path.join(data, 'base', folder, b)).size - statSync(path.join(data, 'base', folder, a)).size,
          );
        writeAt(path.join(data, 'base', folder, file), 8192 - 16, Buffer.alloc(8, 0x5a));
      },
      /checksum verification failed|invalid page/,
    ],
    [
      'with links that lead out of it',
      (data: string) => symlinkSync('/var', path.join(data, 'pg_tblspc/1')),
      /it has links/,
    ],
  ] as const)('%s is not sound', async (_, change, message) => {
    await expect(on(change)).rejects.toMatchObject(refusal(message));
  });

  test.each([
    ['a link to a device of this machine without an end', (version: string) => symlinkSync('/dev/zero', version)],
    ['a link to a file of this machine', (version: string) => symlinkSync(hostVersion(), version)],
    ['a pipe, which nobody writes to', makePipe],
  ] as const)('whose version is %s is refused, and that is not read', async (_, put) => {
    const inPlaceOfVersion = (data: string) => {
      rmSync(path.join(data, 'PG_VERSION'));
      put(path.join(data, 'PG_VERSION'));
    };

    await expect(on(inPlaceOfVersion)).rejects.toMatchObject(refusal(/no data directory of PostgreSQL/));
  });

  test('whose probe is stopped in the middle leaves neither programs nor a view', async () => {
    const running = onCopy(
      disk,
      () => undefined,
      async (directory) => {
        const stop = new AbortController();
        const ended = probe(directory, 'postgresql', '/pg', stop.signal).catch((error: unknown) => error);
        while (probing().length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
        stop.abort(new Error('enough'));
        return ended;
      },
    );

    expect(await running).toMatchObject({ message: 'enough' });
    expect(probing()).toEqual([]);
  });
});

function makePipe(file: string): void {
  must('mkfifo', [file]);
}

/** Programs of a probe that are there. */
function probing(): readonly string[] {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
  return commands.filter((command) => command.includes('snaphook-probe'));
}

test('a chosen file is read to its end, and one that is none is told', async () => {
  const disk = newDisk('reading');
  const write = (mountPoint: string) => {
    mkdirSync(path.join(mountPoint, 'folder'));
    writeFileSync(path.join(mountPoint, 'folder/file'), Buffer.alloc(3_000_000, 1));
  };

  await onCopy(disk, write, async (directory) => {
    const read = (place: string) => fileSystems.readWhole(directory, VOLUME, place, never);
    expect(await read('/folder/file')).toEqual({ bytes: 3_000_000 });
    await expect(read('/folder')).rejects.toMatchObject(refusal(/it is no file/));
    await expect(read('/folder/none')).rejects.toMatchObject(refusal(/is not there/));
  });
});

test('a view that a killed hook left goes with the mounts of its disk', async () => {
  const directory = newFolder('left');
  const left = path.join(directory, FOLDER, 'probe');
  for (const name of ['lower', 'upper/folder', 'work/work']) mkdirSync(path.join(left, name), { recursive: true });
  writeFileSync(path.join(left, 'upper/folder/file'), 'x');

  await fileSystems.release(directory, [{ folder: FOLDER, devicePaths: undefined }], never);

  expect(existsSync(path.join(directory, 'vm'))).toBe(false);
});

test("a view of another run whose disk is mounted in the folder stays with its mount, and both go when they are that run's to release", async () => {
  const disk = newDisk('others');
  const directory = newFolder('others-view');
  await fileSystems.mount(directory, { folder: FOLDER, devicePath: disk, isQuiet: true }, { check: false }, never);
  const written = path.join(directory, FOLDER, 'probe/upper/file');
  mkdirSync(path.dirname(written), { recursive: true });
  writeFileSync(written, 'x');

  const foreign = await fileSystems.release(directory, [{ folder: FOLDER, devicePaths: ['/dev/of-this-run'] }], never);

  expect(foreign).toEqual([expect.objectContaining({ mountPoint: path.join(directory, VOLUME) })]);
  expect(readFileSync(written, 'utf8')).toBe('x');
  expect(await fileSystems.release(directory, [{ folder: FOLDER, devicePaths: [disk] }], never)).toEqual([]);
  expect(existsSync(path.join(directory, 'vm'))).toBe(false);
});
