import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { bandFolders } from '../../../../src/image/bands/bands.ts';
import { systemErrorCode } from '../../../../src/platform/system-error.ts';
import { treeHashOf } from '../../../tree-hash-of.ts';
import { BAND, BandSite, disk, never, OWNER, temporaryFolder } from './band-site.ts';

const DISK = 'vm/disk.bands';
const bandFile = (band: number) => `00000/0000000${band}.band`;

test('bands that did not change keep inode, size and time; the others are new files; bands of zeros are not there', async () => {
  const site = new BandSite();
  const first = await site.run('run-1', { [DISK]: disk([1, 0, 2, 3], 100) });
  const before = site.files(DISK);

  const second = await site.run('run-2', { [DISK]: disk([1, 4, 0, 5], 100) });

  const after = site.files(DISK);
  const bands = (files: typeof after) => Object.keys(files).filter((name) => name.endsWith('.band'));
  expect(bands(before)).toEqual([0, 2, 3, 4].map(bandFile));
  expect(bands(after)).toEqual([0, 1, 3, 4].map(bandFile));
  expect([after[bandFile(0)], after[bandFile(4)]]).toEqual([before[bandFile(0)], before[bandFile(4)]]);
  expect(after[bandFile(3)]?.ino).not.toBe(before[bandFile(3)]?.ino);
  expect(first[DISK]).toMatchObject({ changedBands: 4, changedBytes: 3 * BAND + 100, dataBytes: 3 * BAND + 100 });
  expect(second[DISK]).toMatchObject({ changedBands: 2, changedBytes: 2 * BAND, dataBytes: 3 * BAND + 100 });
  expect(readFileSync(site.file(DISK, 'changed.list'), 'utf8')).toBe(`${bandFile(1)}\n${bandFile(3)}\n`);
});

test('the index has the hash of every band and of the whole, the run, and the run before', async () => {
  const site = new BandSite();
  const content = disk([1, 0], 7);
  await site.run('run-1', { [DISK]: disk([9]) });

  await site.run('run-2', { [DISK]: content });

  const blake2b = (bytes: Buffer) => createHash('blake2b512').update(bytes).digest('hex');
  const files = site.files(DISK);
  expect(JSON.parse(readFileSync(site.file(DISK, 'index.json'), 'utf8'))).toEqual({
    schema: 'snaphook/bands',
    version: 1,
    run: { id: 'run-2', snapshot: 'snaphook-run-2' },
    previousRun: 'run-1',
    sizeBytes: content.length,
    bandBytes: BAND,
    contentHash: treeHashOf(content, BAND),
    bands: [
      { path: bandFile(0), mtimeMs: files[bandFile(0)]?.mtimeMs, blake2b: blake2b(Buffer.alloc(BAND, 1)) },
      { path: bandFile(2), mtimeMs: files[bandFile(2)]?.mtimeMs, blake2b: blake2b(Buffer.alloc(7, 255)) },
    ],
  });
});

test.each([
  ['grew', disk([1, 2, 3, 4], 9)],
  ['shrank', disk([1], 5)],
  ['was emptied', disk([0, 0, 0])],
  ['was replaced', disk([7, 7, 7])],
])('a disk that %s is handed over as it is now', async (_what, content) => {
  const site = new BandSite();
  await site.run('run-1', { [DISK]: disk([1, 2, 3], 50) });

  await site.run('run-2', { [DISK]: content });

  expect((await site.assembled(DISK)).equals(content)).toBe(true);
});

describe('a band that somebody changed', () => {
  const content = disk([1, 2, 3]);
  test.each<[string, (file: string) => void]>([
    ['has other bytes', (file) => writeFileSync(file, Buffer.alloc(BAND, 8))],
    ['is shorter', (file) => truncateSync(file, 10)],
    ['is gone', (file) => rmSync(file)],
  ])('is written anew when it %s', async (_what, change) => {
    const site = new BandSite();
    await site.run('run-1', { [DISK]: content });
    change(site.file(DISK, bandFile(1)));

    const staged = await site.run('run-2', { [DISK]: content });

    expect(staged[DISK]?.changedBands).toBe(1);
    expect((await site.assembled(DISK)).equals(content)).toBe(true);
  });

  test('stays when only its time is another: its content is read', async () => {
    const site = new BandSite();
    await site.run('run-1', { [DISK]: content });
    utimesSync(site.file(DISK, bandFile(1)), 5, 5);
    const before = site.files(DISK)[bandFile(1)];

    const staged = await site.run('run-2', { [DISK]: content });

    expect(staged[DISK]?.changedBands).toBe(0);
    expect(site.files(DISK)[bandFile(1)]).toEqual(before);
    expect((await site.assembled(DISK)).equals(content)).toBe(true);
  });
});

test.each(['gone', 'damaged'])(
  'with an index that is %s every band is read, and those that are right stay',
  async (what) => {
    const site = new BandSite();
    await site.run('run-1', { [DISK]: disk([1, 2, 3]) });
    const before = site.files(DISK);
    if (what === 'gone') rmSync(site.file(DISK, 'index.json'));
    else truncateSync(site.file(DISK, 'index.json'), 100);
    writeFileSync(site.file(DISK, bandFile(2)), Buffer.alloc(BAND, 9));

    const staged = await site.run('run-2', { [DISK]: disk([1, 2, 3]) });

    expect(staged[DISK]?.changedBands).toBe(1);
    expect(site.files(DISK)[bandFile(0)]).toEqual(before[bandFile(0)]);
    expect((await site.assembled(DISK)).equals(disk([1, 2, 3]))).toBe(true);
  },
);

test('what was staged and is not committed goes, and the bands stay as they were', async () => {
  const site = new BandSite();
  await site.run('run-1', { [DISK]: disk([1, 2]) });
  const before = site.files();
  await site.stage(DISK, disk([3, 4]), 'run-2');

  expect(await site.settle([DISK])).toEqual([]);

  expect(site.files()).toEqual(before);
  expect(readdirSync(site.file(DISK))).not.toContain('next');
});

test('a first run that is not committed leaves nothing, not even folders', async () => {
  const site = new BandSite();
  await site.stage(DISK, disk([3, 4]), 'run-1');

  expect(await site.settle([DISK])).toEqual([]);

  expect(readdirSync(site.directory)).toEqual([]);
});

test('an abort in the middle stages nothing more; what is staged is discarded', async () => {
  const site = new BandSite();
  await site.run('run-1', { [DISK]: disk([1, 2]) });
  const before = site.files();
  const device = `${temporaryFolder()}/device`;
  writeFileSync(device, disk([5, 6]));
  const abort = new AbortController();
  const request = { devicePath: device, path: DISK, sizeBytes: 2 * BAND, bandBytes: BAND, owner: OWNER };

  const stage = bandFolders.stage(
    site.directory,
    { ...request, run: { id: 'run-2', snapshot: 'snaphook-run-2' } },
    () => abort.abort(new Error('stop')),
    abort.signal,
  );
  await expect(stage).rejects.toThrow('stop');
  await site.settle([DISK]);

  expect(site.files()).toEqual(before);
});

test('a device that does not answer is given up at the signal, and holds up nobody who discards what is staged', async () => {
  const site = new BandSite();
  await site.run('run-1', { [DISK]: disk([1, 2]) });
  const before = site.files();
  // Whoever opens a FIFO for reading waits in the kernel until somebody opens it for writing.
  const fifo = `${temporaryFolder()}/device`;
  execFileSync('mkfifo', [fifo]);
  const abort = new AbortController();
  const request = { devicePath: fifo, path: DISK, sizeBytes: 2 * BAND, bandBytes: BAND, owner: OWNER };
  const stage = bandFolders.stage(
    site.directory,
    { ...request, run: { id: 'run-2', snapshot: 's' } },
    () => undefined,
    abort.signal,
  );
  while (!existsSync(site.file(DISK, 'next'))) await new Promise(setImmediate);
  abort.abort(new Error('too late'));

  await expect(stage).rejects.toThrow('too late');
  await site.settle([DISK]);

  expect(site.files()).toEqual(before);
  await letGo(fifo);
});

/** Opening for writing without waiting fails until somebody waits there for it. */
async function letGo(fifo: string): Promise<void> {
  for (;;) {
    try {
      return closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch (error) {
      if (systemErrorCode(error) !== 'ENXIO') throw error;
      await new Promise(setImmediate);
    }
  }
}

test('a folder of nothing but a damaged index goes, and the next run begins anew', async () => {
  const site = new BandSite();
  await site.run('run-1', { [DISK]: disk([0]) });
  writeFileSync(site.file(DISK, 'index.json'), 'x');

  await site.settle([DISK]);
  expect(readdirSync(site.directory)).toEqual([]);

  await site.run('run-2', { [DISK]: disk([1]) });
  expect(await site.shown(DISK)).toEqual({ run: 'run-2', content: disk([1]) });
});

test.each<[string, (index: { bandBytes: number; contentHash: { leafBytes: number }; bands: unknown[] }) => void]>([
  ['bands of one byte', (index) => Object.assign(index, withBands(1))],
  ['bands of no whole blocks', (index) => Object.assign(index, withBands(BAND + 1))],
  ['a band twice', ({ bands }) => void bands.push(bands[0])],
])('an index that tells of %s is none', async (_what, spoil) => {
  const site = new BandSite();
  await site.run('run-1', { [DISK]: disk([1, 2]) });
  const index = JSON.parse(readFileSync(site.file(DISK, 'index.json'), 'utf8'));
  spoil(index);
  writeFileSync(site.file(DISK, 'index.json'), JSON.stringify(index));

  await expect(site.assembled(DISK)).rejects.toThrow('no readable "index.json"');
});

const withBands = (bandBytes: number) => ({
  bandBytes,
  contentHash: { algorithm: 'blake2b-512-tree', leafBytes: bandBytes, value: '0'.repeat(128) },
});

test('a commit of a run whose bands are not staged any more changes nothing', async () => {
  const site = new BandSite();
  await site.run('run-1', { [DISK]: disk([1, 2]) });
  const before = site.files();

  await expect(site.commit([DISK], 'run-2')).rejects.toMatchObject({ code: 'E_EXPORT' });

  expect(site.files()).toEqual(before);
});

test('a device that ends too early is told with the byte where it ends', async () => {
  const site = new BandSite();
  const device = `${temporaryFolder()}/device`;
  writeFileSync(device, Buffer.alloc(BAND + 1, 1));
  const request = { devicePath: device, path: DISK, sizeBytes: 2 * BAND, bandBytes: BAND, owner: OWNER };

  const stage = bandFolders.stage(
    site.directory,
    { ...request, run: { id: 'run-1', snapshot: 's' } },
    () => undefined,
    never,
  );

  await expect(stage).rejects.toMatchObject({ code: 'E_EXPORT', message: expect.stringContaining(`byte ${BAND + 1}`) });
});

describe('what is not ours', () => {
  test('files beside the bands are told and stay', async () => {
    const site = new BandSite();
    await site.run('run-1', { [DISK]: disk([1, 2]) });
    writeFileSync(site.file(DISK, 'notes.txt'), 'mine');
    writeFileSync(site.file(DISK, '00000', 'x.band'), 'mine');

    await site.run('run-2', { [DISK]: disk([3, 0]) });
    const told = await site.settle([DISK]);

    expect(told.map(({ path }) => path).sort()).toEqual([`${DISK}/00000/x.band`, `${DISK}/notes.txt`]);
    expect(readFileSync(site.file(DISK, '00000', 'x.band'), 'utf8')).toBe('mine');
    expect(readFileSync(site.file(DISK, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test.each<[string, string | undefined]>([
    ['no mark', undefined],
    ['a mark that cannot be read', 'x'],
    [
      'the mark of another job',
      JSON.stringify({ schema: 'snaphook/bands-owner', version: 1, ...OWNER, job: 'weekly' }),
    ],
  ])('a folder with %s is neither filled nor settled', async (_what, mark) => {
    const site = new BandSite();
    mkdirSync(site.file(DISK, '00000'), { recursive: true });
    writeFileSync(site.file(DISK, bandFile(0)), 'foreign');
    if (mark !== undefined) writeFileSync(site.file(DISK, 'owner.json'), mark);
    const before = site.files();

    await expect(site.preflight({ [DISK]: BAND })).rejects.toMatchObject({ code: 'E_EXPORT' });
    await expect(site.stage(DISK, disk([1]), 'run-1')).rejects.toMatchObject({ code: 'E_EXPORT' });
    expect((await site.settle([DISK])).map(({ path }) => path)).toEqual([DISK]);

    expect(site.files()).toEqual(before);
  });

  test('a link or folder where a band belongs is refused before anything is written', async () => {
    const site = new BandSite();
    const victim = `${temporaryFolder()}/victim`;
    writeFileSync(victim, 'kept');
    await site.run('run-1', { [DISK]: disk([1, 0]) });
    symlinkSync(victim, site.file(DISK, bandFile(1)));

    await expect(site.preflight({ [DISK]: 2 * BAND })).rejects.toMatchObject({ code: 'E_EXPORT' });
    await expect(site.stage(DISK, disk([1, 2]), 'run-2')).rejects.toMatchObject({ code: 'E_EXPORT' });

    expect(readFileSync(victim, 'utf8')).toBe('kept');
  });

  test('a folder that is reached through a link is left alone', async () => {
    const site = new BandSite();
    const elsewhere = temporaryFolder();
    symlinkSync(elsewhere, site.file('vm'));

    await expect(site.stage(DISK, disk([1]), 'run-1')).rejects.toMatchObject({ code: 'E_EXPORT' });

    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test.each(['of another job', 'that cannot be read'])(
    'a commit %s is told and neither finished nor removed',
    async (what) => {
      const site = new BandSite();
      const owner = what === 'of another job' ? { ...OWNER, job: 'weekly' } : undefined;
      const text = JSON.stringify({
        schema: 'snaphook/bands-commit',
        version: 1,
        owner,
        run: { id: 'r', snapshot: 's' },
        folders: [],
      });
      writeFileSync(site.file('snaphook-bands-commit.json'), text);

      await expect(site.preflight({ [DISK]: BAND })).rejects.toMatchObject({ code: 'E_EXPORT' });
      expect((await site.settle([DISK])).map(({ path }) => path)).toEqual(['snaphook-bands-commit.json']);

      expect(readFileSync(site.file('snaphook-bands-commit.json'), 'utf8')).toBe(text);
    },
  );
});

test('a run may need as many bytes as its disks have, less those of the bands that are there', async () => {
  const site = new BandSite();
  expect(await site.preflight({ [DISK]: 10 * BAND })).toEqual({ bytesNeeded: 10 * BAND });
  await site.run('run-1', { [DISK]: disk([1, 2, 3, 0]) });

  expect(await site.preflight({ [DISK]: 10 * BAND, 'vm/other.bands': BAND })).toEqual({ bytesNeeded: 8 * BAND });
});
