import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { imageFiles } from '../../../src/image/image-files.ts';
import { FILE_FORMATS, filesOfImage } from '../../../src/ports/images.ts';
import { failure } from '../../failure.ts';
import { treeHashOf } from '../../tree-hash-of.ts';

const MIB = 1024 * 1024;
const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-image-'));
const never = new AbortController().signal;
const ignore = () => undefined;
const DRAFT = '.draft';

/** Who waits in one of them is let go, or Jest could not exit. */
const fifos: string[] = [];
afterEach(() => {
  for (const fifo of fifos.splice(0)) closeSync(openSync(fifo, constants.O_RDWR));
});

async function until(condition: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 10_000; !condition() && performance.now() < endMs; )
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

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

test('an image holds exactly the bytes of the device, with holes for zeros and the hash of its leaves', async () => {
  const source = device();
  const into = folder();

  const file = await imageFiles.write(
    into,
    { devicePath: source.path, path: 'vm/disk.raw', format: 'raw', sizeBytes: source.sizeBytes },
    ignore,
    never,
  );

  const written = path.join(into, 'vm/disk.raw');
  expect(readFileSync(written).equals(source.content)).toBe(true);
  expect(file.contentHash).toEqual(treeHashOf(source.content));
  expect(statSync(written).blocks * 512).toBeLessThan(4 * MIB);
  expect(file.dataBytes).toBeLessThan(3 * MIB);
  expect(readdirSync(path.join(into, 'vm'))).toEqual(['disk.raw']);
});

test('an image of a disk smaller than its device ends where the disk ends', async () => {
  const source = device();
  const into = folder();

  await imageFiles.write(
    into,
    { devicePath: source.path, path: 'disk.raw', format: 'raw', sizeBytes: 4 * MIB + 1 },
    ignore,
    never,
  );

  expect(readFileSync(path.join(into, 'disk.raw')).equals(source.content.subarray(0, 4 * MIB + 1))).toBe(true);
});

test('a device that ends too early leaves no file and says where it ended', async () => {
  const source = device();
  truncateSync(source.path, 5 * MIB);
  const into = folder();

  const write = imageFiles.write(
    into,
    { devicePath: source.path, path: 'disk.raw', format: 'raw', sizeBytes: source.sizeBytes },
    ignore,
    never,
  );

  await expect(write).rejects.toMatchObject({
    code: 'E_EXPORT',
    message: `device "${source.path}" ends at byte ${5 * MIB}, before ${source.sizeBytes}`,
  });
  expect(readdirSync(into)).toEqual([]);
});

test('what cannot be read is told as the device, not as an image that cannot be written', async () => {
  const into = folder();
  const write = (devicePath: string) =>
    failure(imageFiles.write(into, { devicePath, path: 'disk.raw', format: 'raw', sizeBytes: 10 }, ignore, never));

  const missing = path.join(into, 'no-device');
  expect(await write(missing)).toMatchObject({
    code: 'E_EXPORT',
    message: `device "${missing}" cannot be opened (ENOENT)`,
  });
  expect(await write(into)).toMatchObject({
    code: 'E_EXPORT',
    message: expect.stringMatching(`^device "${into}" cannot be read: EISDIR`),
  });
  expect(readdirSync(into)).toEqual([]);
});

test.each(FILE_FORMATS)('an abort in the middle leaves no file (%s)', async (format) => {
  const source = device();
  const into = folder();
  const abort = new AbortController();

  const write = imageFiles.write(
    into,
    { devicePath: source.path, path: 'disk.raw', format, sizeBytes: source.sizeBytes },
    () => abort.abort(new Error('stop')),
    abort.signal,
  );

  await expect(write).rejects.toThrow('stop');
  await until(() => readdirSync(into).length === 0);
});

test('an image of a device that does not answer is given up at the signal; no file is left when the device comes back', async () => {
  // Whoever opens a FIFO for reading waits in the kernel until somebody opens it for writing.
  const fifo = path.join(folder(), 'device');
  execFileSync('mkfifo', [fifo]);
  fifos.push(fifo);
  const into = folder();
  const abort = new AbortController();

  const write = imageFiles.write(
    into,
    { devicePath: fifo, path: 'disk.raw', format: 'raw', sizeBytes: 10 },
    ignore,
    abort.signal,
  );
  abort.abort(new Error('too late'));

  await expect(write).rejects.toThrow('too late');
  // Opening for writing without waiting fails as long as nobody is waiting there for it.
  let writer: number | undefined;
  await until(() => {
    try {
      writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {}
    return writer !== undefined;
  });
  if (writer !== undefined) closeSync(writer);
  await until(() => readdirSync(into).length === 0);
});

test('no call waits for a hand-over directory beyond the signal', async () => {
  const into = folder();
  const abort = new AbortController();
  const { signal } = abort;
  const calls = [
    imageFiles.preflight(into, { paths: [], draft: DRAFT, bytesNeeded: 0 }, signal),
    imageFiles.writeRecord(into, { name: 'm.json', draft: 'm.draft', text: 'one' }, signal),
    imageFiles.records(into, 'snaphook-', signal),
    imageFiles.existing(into, ['disk.raw'], signal),
    imageFiles.remove(into, [{ path: 'disk.raw', sizeBytes: 1 }], signal),
  ];
  abort.abort(new Error('too late'));

  const ends = await Promise.allSettled(calls);

  expect(ends).toEqual(calls.map(() => ({ status: 'rejected', reason: new Error('too late') })));
  await until(() => readdirSync(into).length === 0);
});

test('removing takes exactly the named files, their partial forms and folders that became empty', async () => {
  const into = folder();
  await imageFiles.preflight(into, { paths: [], draft: DRAFT, bytesNeeded: 0 }, never);
  writeFileSync(path.join(into, 'kept.txt'), '');
  const source = device();
  await imageFiles.write(
    into,
    { devicePath: source.path, path: 'vm/a.raw', format: 'raw', sizeBytes: 10 },
    ignore,
    never,
  );
  writeFileSync(path.join(into, 'vm', 'b.raw.partial'), 'half');

  const files = ['vm/a.raw', 'vm/b.raw', 'other/missing.raw'].map((name) => ({ path: name, sizeBytes: 10 }));
  expect(await imageFiles.remove(into, files, never)).toEqual([]);

  expect(readdirSync(into)).toEqual(['kept.txt']);
  expect(existsSync(into)).toBe(true);
});

test.each(FILE_FORMATS)(
  'the files of an image are those that are told, hold its data alone, and can be removed (%s)',
  async (format) => {
    const source = device();
    const into = folder();
    const image = { path: 'vm/disk.vmdk', format, sizeBytes: source.sizeBytes };

    const file = await imageFiles.write(into, { devicePath: source.path, ...image }, ignore, never);

    const told = filesOfImage(image).map((one) => one.path);
    expect(readdirSync(path.join(into, 'vm')).map((name) => `vm/${name}`)).toEqual(told.toSorted());
    const diskBytes = told.reduce((sum, name) => sum + statSync(path.join(into, name)).blocks * 512, 0);
    expect(diskBytes).toBeLessThan(4 * MIB);
    expect(file).toMatchObject({
      ...image,
      contentHash: treeHashOf(source.content),
    });
    expect(await imageFiles.remove(into, filesOfImage(image), never)).toEqual([]);
    expect(readdirSync(into)).toEqual([]);
  },
);

test.each(FILE_FORMATS.filter((format) => format !== 'raw'))(
  'a device that does not end with a whole sector cannot be a %s image',
  async (format) => {
    const request = { devicePath: device().path, path: 'disk', format, sizeBytes: 1000 };

    await expect(imageFiles.write(folder(), request, ignore, never)).rejects.toMatchObject({
      code: 'E_EXPORT',
      message: expect.stringContaining('whole sectors'),
    });
  },
);

test('a foreign file under the name of an image is never overwritten', async () => {
  const into = folder();
  writeFileSync(path.join(into, 'disk.raw'), 'of somebody else');

  await expect(
    imageFiles.preflight(into, { paths: ['disk.raw'], draft: DRAFT, bytesNeeded: 1 }, never),
  ).rejects.toMatchObject({ code: 'E_EXPORT' });
});

test('a directory without room for the images is refused before anything is frozen', async () => {
  await expect(
    imageFiles.preflight(folder(), { paths: [], draft: DRAFT, bytesNeeded: 2 ** 60 }, never),
  ).rejects.toMatchObject({ code: 'E_PROXY_SPACE' });
});

test('a path that leaves the directory is refused', async () => {
  const source = device();

  await expect(
    imageFiles.write(
      folder(),
      { devicePath: source.path, path: '../escape.raw', format: 'raw', sizeBytes: 10 },
      ignore,
      never,
    ),
  ).rejects.toThrow(/leaves the hand-over directory/);
});

test('a partial file of another run is neither taken over nor removed', async () => {
  const source = device();
  const into = folder();
  writeFileSync(path.join(into, 'disk.raw.partial'), 'of another run');

  const write = imageFiles.write(
    into,
    { devicePath: source.path, path: 'disk.raw', format: 'raw', sizeBytes: 10 },
    ignore,
    never,
  );

  await expect(write).rejects.toMatchObject({
    code: 'E_EXPORT',
    message: `"${path.join(into, 'disk.raw.partial')}" is there already`,
  });
  expect(readFileSync(path.join(into, 'disk.raw.partial'), 'utf8')).toBe('of another run');
  await expect(
    imageFiles.preflight(into, { paths: ['disk.raw'], draft: DRAFT, bytesNeeded: 1 }, never),
  ).rejects.toMatchObject({ code: 'E_EXPORT' });
});

test('what is not as it was written is left alone and told: another size, a link, a way through a link, a folder', async () => {
  const into = folder();
  const outside = folder();
  writeFileSync(path.join(outside, 'c.raw'), '0123456789');
  writeFileSync(path.join(into, 'a.raw'), 'longer than it was');
  writeFileSync(path.join(into, 'a.raw.partial'), 'longer than it was');
  symlinkSync(path.join(outside, 'c.raw'), path.join(into, 'b.raw'));
  symlinkSync(outside, path.join(into, 'vm'));
  mkdirSync(path.join(into, 'd.raw'));

  const left = await imageFiles.remove(
    into,
    ['a.raw', 'b.raw', 'vm/c.raw', 'd.raw'].map((name) => ({ path: name, sizeBytes: 10 })),
    never,
  );

  expect(left.map((one) => one.path)).toEqual([
    'a.raw',
    'a.raw.partial',
    'b.raw',
    'vm/c.raw',
    'vm/c.raw.partial',
    'd.raw',
  ]);
  expect(readdirSync(into)).toEqual(['a.raw', 'a.raw.partial', 'b.raw', 'd.raw', 'vm']);
  expect(readFileSync(path.join(outside, 'c.raw'), 'utf8')).toBe('0123456789');
});

test('what lies under a name or its partial form is told, whatever it is', async () => {
  const into = folder();
  mkdirSync(path.join(into, 'vm'));
  writeFileSync(path.join(into, 'vm', 'a.raw'), '');
  symlinkSync('nowhere', path.join(into, 'b.raw.partial'));

  const paths = ['vm/a.raw', 'b.raw', 'vm', 'c.raw', 'missing/d.raw'];
  expect(await imageFiles.existing(into, paths, never)).toEqual(['vm/a.raw', 'b.raw.partial', 'vm']);
});

test('a record is there whole or not at all, and is read with the time the file system made it', async () => {
  const into = folder();
  const before = Date.now();
  await imageFiles.writeRecord(into, { name: 'snaphook-manifest.json', draft: 'snaphook-x.draft', text: 'one' }, never);
  await imageFiles.writeRecord(into, { name: 'snaphook-manifest.json', draft: 'snaphook-x.draft', text: 'two' }, never);
  writeFileSync(path.join(into, 'other.json'), '');
  symlinkSync(path.join(into, 'other.json'), path.join(into, 'snaphook-link.json'));
  utimesSync(path.join(into, 'snaphook-manifest.json'), new Date(0), new Date(0));

  const records = await imageFiles.records(into, 'snaphook-', never);

  expect(records.map(({ name, text }) => [name, text])).toEqual([['snaphook-manifest.json', 'two']]);
  expect(Math.abs((records[0]?.bornAtMs ?? 0) - before)).toBeLessThan(5000);
  expect(await imageFiles.records(path.join(into, 'missing'), 'snaphook-', never)).toEqual([]);
});

test('a record of thousands of VMs is read again; one that would not be is not written', async () => {
  const into = folder();
  const write = (name: string, text: string) =>
    imageFiles.writeRecord(into, { name, draft: `${name}.draft`, text }, never);

  await write('snaphook-m.json', 'm'.repeat(17 * MIB));
  await expect(write('snaphook-n.json', 'n'.repeat(256 * MIB + 1))).rejects.toMatchObject({
    code: 'E_EXPORT',
    message: expect.stringContaining(String(256 * MIB + 1)),
  });

  const records = await imageFiles.records(into, 'snaphook-', never);
  expect(records.map(({ name, text }) => [name, text?.length])).toEqual([['snaphook-m.json', 17 * MIB]]);
  writeFileSync(path.join(into, 'snaphook-o.json'), '');
  truncateSync(path.join(into, 'snaphook-o.json'), 256 * MIB + 1);
  expect((await imageFiles.records(into, 'snaphook-o', never))[0]?.text).toBeUndefined();
});

test('records that vanish while they are read are not there, and are no error', async () => {
  const into = folder();
  const names = Array.from({ length: 100 }, (_, index) => path.join(into, `snaphook-${index}`));
  for (let turns = 0; turns < 30; turns += 1) {
    for (const name of names) writeFileSync(name, 'text');
    const reading = imageFiles.records(into, 'snaphook-', never);
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    for (const name of names) rmSync(name);
    await expect(reading).resolves.toBeInstanceOf(Array);
  }
});

test('a record never goes through a file or link that is there under its draft name', async () => {
  const into = folder();
  const victim = path.join(folder(), 'victim');
  writeFileSync(victim, 'kept');
  symlinkSync(victim, path.join(into, 'snaphook-x.draft'));

  const write = imageFiles.writeRecord(into, { name: 'm.json', draft: 'snaphook-x.draft', text: 'one' }, never);

  await expect(write).rejects.toMatchObject({ code: 'E_EXPORT' });
  expect(readFileSync(victim, 'utf8')).toBe('kept');
});
