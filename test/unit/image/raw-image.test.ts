import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { rawImages } from '../../../src/image/raw-image.ts';

const MIB = 1024 * 1024;
const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-image-'));
const never = new AbortController().signal;
const ignore = () => undefined;

/** 10 MiB and a bit: data, a hole, data across a chunk border, a hole at the end. */
function device(): { path: string; sizeBytes: number; content: Buffer } {
  const sizeBytes = 10 * MIB + 512;
  const content = Buffer.alloc(sizeBytes);
  randomBytes(100_000).copy(content, 12_345);
  randomBytes(2 * MIB).copy(content, 3 * MIB);
  content[9 * MIB] = 1;
  const file = path.join(folder(), 'device');
  writeFileSync(file, content);
  return { path: file, sizeBytes, content };
}

test('an image holds exactly the bytes of the device, with holes for zeros and the hash b2sum prints', async () => {
  const source = device();
  const into = folder();

  const file = await rawImages.write(
    into,
    { devicePath: source.path, path: 'vm/disk.raw', sizeBytes: source.sizeBytes },
    ignore,
    never,
  );

  const written = path.join(into, 'vm/disk.raw');
  expect(readFileSync(written).equals(source.content)).toBe(true);
  expect(file.blake2b).toBe(createHash('blake2b512').update(source.content).digest('hex'));
  expect(statSync(written).blocks * 512).toBeLessThan(4 * MIB);
  expect(file.dataBytes).toBeLessThan(3 * MIB);
  expect(readdirSync(path.join(into, 'vm'))).toEqual(['disk.raw']);
});

test('an image of a disk smaller than its device ends where the disk ends', async () => {
  const source = device();
  const into = folder();

  await rawImages.write(into, { devicePath: source.path, path: 'disk.raw', sizeBytes: 4 * MIB + 1 }, ignore, never);

  expect(readFileSync(path.join(into, 'disk.raw')).equals(source.content.subarray(0, 4 * MIB + 1))).toBe(true);
});

test('a device that ends too early leaves no file and says where it ended', async () => {
  const source = device();
  truncateSync(source.path, 5 * MIB);
  const into = folder();

  const write = rawImages.write(
    into,
    { devicePath: source.path, path: 'disk.raw', sizeBytes: source.sizeBytes },
    ignore,
    never,
  );

  await expect(write).rejects.toMatchObject({ code: 'E_EXPORT', message: expect.stringContaining(String(5 * MIB)) });
  expect(readdirSync(into)).toEqual([]);
});

test('an abort in the middle leaves no file', async () => {
  const source = device();
  const into = folder();
  const abort = new AbortController();

  const write = rawImages.write(
    into,
    { devicePath: source.path, path: 'disk.raw', sizeBytes: source.sizeBytes },
    () => abort.abort(new Error('stop')),
    abort.signal,
  );

  await expect(write).rejects.toThrow('stop');
  expect(readdirSync(into)).toEqual([]);
});

test('removing takes exactly the named files, their partial forms and folders that became empty', async () => {
  const into = folder();
  await rawImages.preflight(into, [], 0, never);
  writeFileSync(path.join(into, 'kept.txt'), '');
  const source = device();
  await rawImages.write(into, { devicePath: source.path, path: 'vm/a.raw', sizeBytes: 10 }, ignore, never);
  writeFileSync(path.join(into, 'vm', 'b.raw.partial'), 'half');

  await rawImages.remove(into, ['vm/a.raw', 'vm/b.raw', 'other/missing.raw']);

  expect(readdirSync(into)).toEqual(['kept.txt']);
  expect(existsSync(into)).toBe(true);
});

test('a foreign file under the name of an image is never overwritten', async () => {
  const into = folder();
  writeFileSync(path.join(into, 'disk.raw'), 'of somebody else');

  await expect(rawImages.preflight(into, ['disk.raw'], 1, never)).rejects.toMatchObject({ code: 'E_EXPORT' });
});

test('a directory without room for the images is refused before anything is frozen', async () => {
  await expect(rawImages.preflight(folder(), [], 2 ** 60, never)).rejects.toMatchObject({ code: 'E_PROXY_SPACE' });
});

test('a path that leaves the directory is refused', async () => {
  const source = device();

  await expect(
    rawImages.write(folder(), { devicePath: source.path, path: '../escape.raw', sizeBytes: 10 }, ignore, never),
  ).rejects.toThrow(/leaves the hand-over directory/);
});

test('a partial file of another run is neither taken over nor removed', async () => {
  const source = device();
  const into = folder();
  writeFileSync(path.join(into, 'disk.raw.partial'), 'of another run');

  const write = rawImages.write(into, { devicePath: source.path, path: 'disk.raw', sizeBytes: 10 }, ignore, never);

  await expect(write).rejects.toMatchObject({ code: 'E_EXPORT' });
  expect(readFileSync(path.join(into, 'disk.raw.partial'), 'utf8')).toBe('of another run');
  await expect(rawImages.preflight(into, ['disk.raw'], 1, never)).rejects.toMatchObject({ code: 'E_EXPORT' });
});
