import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bandsAssembleVerb } from '../../../../src/cli/bands-assemble-verb.ts';
import { verifyImage } from '../../../../src/image/verify-image.ts';
import { treeHashOf } from '../../../tree-hash-of.ts';
import { BAND, BandSite, disk, never, temporaryFolder } from './band-site.ts';

const DISK = 'vm/disk.bands';
const CONTENT = disk([1, 0, 2, 3], 100);
const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: BandSite;
let image: string;
beforeEach(async () => {
  site = new BandSite();
  image = path.join(temporaryFolder(), 'disk.raw');
  await site.run('run-1', { [DISK]: CONTENT });
});
const assemble = () => bandsAssembleVerb({ folder: site.file(DISK), image }, silent, never);

test('bands become one raw image, with holes where no band is, and the hash of the manifest is told', async () => {
  const result = await assemble();

  expect(readFileSync(image).equals(CONTENT)).toBe(true);
  expect(statSync(image).blocks * 512).toBeLessThan(CONTENT.length);
  expect(result).toMatchObject({
    exitCode: 0,
    document: { run: { id: 'run-1' }, contentHash: treeHashOf(CONTENT, BAND) },
  });
});

test.each<[string, RegExp, () => void]>([
  ['has another byte', /00000002\.band" is not the band/, () => change('00000/00000002.band', 5)],
  [
    'is shorter',
    /00000002\.band" is damaged: it has 10 bytes/,
    () => truncateSync(site.file(DISK, '00000/00000002.band'), 10),
  ],
  ['is a pipe', /00000002\.band" is damaged: it is not a regular file/, () => makePipe('00000/00000002.band')],
  [
    'is far too long',
    /00000002\.band" is damaged/,
    () => truncateSync(site.file(DISK, '00000/00000002.band'), 2 ** 40),
  ],
  ['is missing', /00000002\.band" cannot be opened/, () => rmSync(site.file(DISK, '00000/00000002.band'))],
  ['is left out of the index', /as a whole/, () => leaveOut('00000/00000002.band')],
])('nothing is made of bands of which one %s', async (_what, message, damage) => {
  damage();

  await expect(assemble()).rejects.toMatchObject({ code: 'E_VERIFY', message: expect.stringMatching(message) });

  expect(readdirSync(path.dirname(image))).toEqual([]);
});

const verify = () => {
  const shape = { path: DISK, format: 'bands', sizeBytes: CONTENT.length } as const;
  return verifyImage(site.directory, { ...shape, contentHash: treeHashOf(CONTENT, BAND) }, () => undefined, never);
};

test.each<[string, () => void]>([
  ['has another byte', () => change('00000/00000002.band', 5)],
  ['is shorter', () => truncateSync(site.file(DISK, '00000/00000002.band'), 10)],
  ['is missing', () => rmSync(site.file(DISK, '00000/00000002.band'))],
  ['is left out of the index', () => leaveOut('00000/00000002.band')],
])('bands are verified as any image is, and are not what was handed over when one %s', async (_what, damage) => {
  await verify();
  damage();
  await expect(verify()).rejects.toMatchObject({ code: 'E_VERIFY' });
});

test('a pipe in place of the index is no index, and nobody waits for it', async () => {
  makePipe('index.json');

  await expect(assemble()).rejects.toMatchObject({ code: 'E_VERIFY' });
  await expect(verify()).rejects.toMatchObject({ code: 'E_VERIFY' });
});

test('a folder whose commit is half done is no disk', async () => {
  rmSync(site.file(DISK, 'index.json'));

  await expect(assemble()).rejects.toMatchObject({ code: 'E_VERIFY' });

  expect(existsSync(image)).toBe(false);
});

test('an image that is there is never overwritten, nor is one that somebody is making', async () => {
  writeFileSync(image, 'kept');
  await expect(assemble()).rejects.toMatchObject({ code: 'E_EXPORT' });
  rmSync(image);
  writeFileSync(`${image}.partial`, 'of another');
  await expect(assemble()).rejects.toMatchObject({ code: 'E_EXPORT' });

  expect(readFileSync(`${image}.partial`, 'utf8')).toBe('of another');
});

function change(band: string, at: number): void {
  const file = site.file(DISK, band);
  const bytes = readFileSync(file);
  bytes[at] = 77;
  writeFileSync(file, bytes);
}

function makePipe(name: string): void {
  const file = site.file(DISK, name);
  rmSync(file);
  execFileSync('mkfifo', [file]);
}

function leaveOut(band: string): void {
  const file = site.file(DISK, 'index.json');
  const index = JSON.parse(readFileSync(file, 'utf8'));
  index.bands = index.bands.filter((one: { path: string }) => one.path !== band);
  expect(index.sizeBytes).toBe(4 * BAND + 100);
  writeFileSync(file, JSON.stringify(index));
}
