import { readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { bandFolders } from '../../../../src/image/bands/bands.ts';
import type { ChangedRegions } from '../../../../src/ports/bands.ts';
import type { ByteRange } from '../../../../src/ports/byte-range.ts';
import { treeHashOf } from '../../../tree-hash-of.ts';
import { BAND, BandSite, disk, never, OWNER } from './band-site.ts';

const DISK = 'vm/disk.bands';
const POINT = { disk: 'vm-1 2000', changeId: '52 de/7' };
/** What a device shows where it must not be read: no band of these tests has it. */
const POISON = 222;
const bandFile = (band: number) => `00000/0000000${band}.band`;
const range = (startBytes: number, lengthBytes: number): ByteRange => ({ startBytes, lengthBytes });
const since = (ranges: readonly ByteRange[], sinceRun = 'run-1'): ChangedRegions => ({ sinceRun, ranges });

/** Bands 1, 2, zeros, 4 and a short last one, committed by `run-1`. */
async function siteWithBands(): Promise<BandSite> {
  const site = new BandSite();
  await site.run('run-1', { [DISK]: disk([1, 2, 0, 4], 100) });
  return site;
}

async function nextRun(site: BandSite, content: Buffer, changed: ChangedRegions) {
  const staged = await site.stage(DISK, content, 'run-2', OWNER, { point: POINT, changed });
  await site.commit([DISK], 'run-2');
  return staged;
}

test.each<[string, readonly ByteRange[], readonly number[], Buffer]>([
  ['nothing changed', [], [POISON, POISON, POISON, POISON], disk([1, 2, 0, 4], 100)],
  ['one byte changed', [range(BAND, 1)], [POISON, 9, POISON, POISON], disk([1, 9, 0, 4], 100)],
  ['a range reaches over the border of bands', [range(BAND - 1, 2)], [8, 9, POISON, POISON], disk([8, 9, 0, 4], 100)],
  ['zeros got data', [range(2 * BAND, BAND)], [POISON, POISON, 3, POISON], disk([1, 2, 3, 4], 100)],
  ['data became zeros', [range(3 * BAND, BAND)], [POISON, POISON, POISON, 0], disk([1, 2, 0, 0], 100)],
  [
    'ranges lie in any order and over one another',
    [range(3 * BAND, 8), range(0, 2), range(3 * BAND + 4, 8)],
    [7, POISON, POISON, 6],
    disk([7, 2, 0, 6], 100),
  ],
])('what lies outside of the changed regions is not read: %s', async (_what, ranges, shown, wanted) => {
  const site = await siteWithBands();
  const before = site.files(DISK);

  const staged = await nextRun(site, disk(shown, 100), since(ranges));

  expect((await site.assembled(DISK)).equals(wanted)).toBe(true);
  expect(staged.contentHash).toEqual(treeHashOf(wanted, BAND));
  const dataBands = [0, 1, 2, 3].filter((band) => wanted[band * BAND] !== 0);
  expect(staged).toMatchObject({ changedRegions: 'cbt', dataBytes: dataBands.length * BAND + 100 });
  for (const band of [0, 1, 3]) {
    if (shown[band] === POISON) expect(site.files(DISK)[bandFile(band)]).toEqual(before[bandFile(band)]);
  }
});

test('a last band that is shorter is read when a range ends in it, and else is not', async () => {
  const site = await siteWithBands();
  const shown = Buffer.concat([disk([POISON, POISON, POISON, POISON]), Buffer.alloc(100, 5)]);

  const staged = await nextRun(site, shown, since([range(4 * BAND + 99, 1)]));

  const wanted = Buffer.concat([disk([1, 2, 0, 4]), Buffer.alloc(100, 5)]);
  expect((await site.assembled(DISK)).equals(wanted)).toBe(true);
  expect(staged).toMatchObject({ changedBands: 1, changedBytes: 100, contentHash: treeHashOf(wanted, BAND) });
});

test.each<[string, (file: string) => void]>([
  ['is gone', (file) => rmSync(file)],
  ['is shorter', (file) => truncateSync(file, 10)],
  ['shows another time', (file) => utimesSync(file, 5, 5)],
  ['was written by somebody', (file) => writeFileSync(file, Buffer.alloc(BAND, 8))],
])('a band outside of the changed regions is read all the same when its file %s', async (_what, change) => {
  const site = await siteWithBands();
  change(site.file(DISK, bandFile(1)));

  await nextRun(site, disk([POISON, 2, POISON, POISON], 100), since([]));

  expect((await site.assembled(DISK)).equals(disk([1, 2, 0, 4], 100))).toBe(true);
});

test.each<[string, Buffer, ChangedRegions]>([
  ['are of another run than the bands', disk([1, 9, 0, 4], 100), since([], 'run-0')],
  ['are of a disk of another size', disk([1, 9, 0, 4], 99), since([])],
  ['end behind the disk', disk([1, 9, 0, 4], 100), since([range(4 * BAND, 101)])],
  ['begin before the disk', disk([1, 9, 0, 4], 100), since([range(-1, 2)])],
  ['have no length', disk([1, 9, 0, 4], 100), since([range(0, 0)])],
  ['are no numbers', disk([1, 9, 0, 4], 100), since([range(Number.NaN, 1)])],
  ['are no whole bytes', disk([1, 9, 0, 4], 100), since([range(0.5, 1)])],
])('everything is read when the changed regions %s', async (_what, content, changed) => {
  const site = await siteWithBands();

  const staged = await nextRun(site, content, changed);

  expect(staged.changedRegions).toBe('hashes');
  expect((await site.assembled(DISK)).equals(content)).toBe(true);
});

test('everything is read when the bands get another length', async () => {
  const site = await siteWithBands();
  const content = disk([1, 9, 0, 4], 100);

  const staged = await site.stage(DISK, content, 'run-2', OWNER, { changed: since([]), bandBytes: 2 * BAND });
  await site.commit([DISK], 'run-2');

  expect(staged.changedRegions).toBe('hashes');
  expect((await site.assembled(DISK)).equals(content)).toBe(true);
});

test.each(['gone', 'damaged'])('everything is read when the index is %s', async (what) => {
  const site = await siteWithBands();
  if (what === 'gone') rmSync(site.file(DISK, 'index.json'));
  else truncateSync(site.file(DISK, 'index.json'), 100);
  const content = disk([1, 9, 0, 4], 100);

  expect(await nextRun(site, content, since([]))).toMatchObject({ changedRegions: 'hashes' });
  expect((await site.assembled(DISK)).equals(content)).toBe(true);
});

describe('the point in time that a disk was read at', () => {
  const committed = (site: BandSite, owner = OWNER) => bandFolders.committed(site.directory, DISK, owner, never);

  test('is kept with the bands once they are committed, and told to their owner', async () => {
    const site = await siteWithBands();
    await site.stage(DISK, disk([1, 2, 0, 4], 100), 'run-2', OWNER, { point: POINT });
    expect(await committed(site)).toMatchObject({ run: { id: 'run-1' }, point: undefined });

    await site.commit([DISK], 'run-2');

    expect(await committed(site)).toMatchObject({
      run: { id: 'run-2' },
      sizeBytes: 4 * BAND + 100,
      bandBytes: BAND,
      point: POINT,
    });
    expect(await committed(site, { ...OWNER, job: 'weekly' })).toBeUndefined();
  });

  test('goes with the next run that has none', async () => {
    const site = new BandSite();
    await site.stage(DISK, disk([1]), 'run-1', OWNER, { point: POINT });
    await site.commit([DISK], 'run-1');

    await site.run('run-2', { [DISK]: disk([1]) });

    expect(await committed(site)).toMatchObject({ run: { id: 'run-2' }, point: undefined });
  });

  test.each(['{"disk":"vm-1 2000"}', '{"changeId":"52 de/7"}', '"52 de/7"', '{"disk":7,"changeId":"52 de/7"}'])(
    'is none when it reads %s',
    async (point) => {
      const site = await siteWithBands();
      const text = readFileSync(site.file(DISK, 'index.json'), 'utf8');
      writeFileSync(site.file(DISK, 'index.json'), text.replace('"sizeBytes"', `"point":${point},"sizeBytes"`));

      expect(await committed(site)).toMatchObject({ run: { id: 'run-1' }, point: undefined });
    },
  );
});
