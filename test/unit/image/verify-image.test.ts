import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { imageFiles } from '../../../src/image/image-files.ts';
import { storedImages } from '../../../src/image/image-source.ts';
import { verifyImage } from '../../../src/image/verify-image.ts';
import { FILE_FORMATS, type FileFormat, type ImageFile } from '../../../src/ports/images.ts';
import { failure } from '../../failure.ts';
import { SEED } from '../../seed.ts';
import { makeRandomDevice, numbersOf } from './random-device.ts';

const MIB = 1024 * 1024;
const replay = `replay: TEST_SEED=${SEED} npx jest test/unit/image/verify-image`;
const never = new AbortController().signal;
const ignore = () => undefined;
const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-verify-'));

async function written(
  format: FileFormat,
  seed: number,
  mostBytes = 3 * MIB,
): Promise<{ into: string; image: ImageFile }> {
  const into = folder();
  const device = path.join(folder(), 'device');
  const { sizeBytes } = makeRandomDevice(device, seed, mostBytes);
  const request = { devicePath: device, path: 'vm/disk.image', format, sizeBytes };
  return { into, image: await imageFiles.write(into, request, ignore, never) };
}

test.each(FILE_FORMATS)(`the images of generated devices are what was handed over (%s; ${replay})`, async (format) => {
  for (let seed = SEED; seed < SEED + 3; seed += 1) {
    const { into, image } = await written(format, seed, 40 * MIB);

    await verifyImage(into, image, ignore, never);
  }
});

test.each(FILE_FORMATS)(`an image that lost its end is found, and is sound with it (%s; ${replay})`, async (format) => {
  const next = numbersOf(SEED);
  for (let seed = SEED; seed < SEED + 3; seed += 1) {
    const { into, image } = await written(format, seed);
    const files = readdirSync(path.join(into, 'vm')).map((name) => path.join(into, 'vm', name));
    const largest = files.toSorted((a, b) => statSync(b).size - statSync(a).size)[0] ?? '';
    const kept = path.join(into, 'kept');
    copyFileSync(largest, kept);

    truncateSync(largest, Math.floor(statSync(largest).size * next()));
    expect(await failure(verifyImage(into, image, ignore, never))).toMatchObject({ code: 'E_VERIFY' });

    copyFileSync(kept, largest);
    await verifyImage(into, image, ignore, never);
  }
});

test.each(FILE_FORMATS)('content that changed since is found (%s)', async (format) => {
  const into = folder();
  const device = path.join(folder(), 'device');
  const { sizeBytes } = makeRandomDevice(device, SEED, 3 * MIB);
  const request = (name: string) => ({ devicePath: device, path: name, format, sizeBytes });
  const before = await imageFiles.write(into, request('before.image'), ignore, never);
  const handle = openSync(device, 'r+');
  writeSync(handle, Buffer.from(String(SEED)), 0, 1, sizeBytes - 1);
  closeSync(handle);
  const after = await imageFiles.write(into, request('after.image'), ignore, never);

  expect(await failure(verifyImage(into, { ...before, path: after.path }, ignore, never))).toMatchObject({
    code: 'E_VERIFY',
    message: expect.stringContaining('is not what was handed over'),
  });
});

test.each(FILE_FORMATS)('a missing image, and one that is something else, are told (%s)', async (format) => {
  const { into, image } = await written('qcow2', SEED);
  const elsewhere = { ...image, path: 'vm/none.image' };

  expect(await failure(verifyImage(into, { ...elsewhere, format }, ignore, never))).toMatchObject({ code: 'E_VERIFY' });
  if (format !== 'qcow2')
    expect(await failure(verifyImage(into, { ...image, format }, ignore, never))).toMatchObject({ code: 'E_VERIFY' });
});

test.each(FILE_FORMATS)(
  `whatever stands in an image, it is sound, damaged or another, and nothing else happens (%s; ${replay})`,
  async (format) => {
    const next = numbersOf(SEED);
    const { into, image } = await written(format, SEED);
    const file = path.join(into, image.path);
    const sound = path.join(into, 'sound');
    copyFileSync(file, sound);
    for (let round = 0; round < 15; round += 1) {
      copyFileSync(sound, file);
      const { size } = statSync(file);
      const handle = openSync(file, 'r+');
      const at = Math.floor(next() ** 4 * size);
      writeSync(handle, Buffer.from([next() * 256, next() * 256, next() * 256]), 0, 3, at);
      closeSync(handle);

      const end = await verifyImage(into, image, ignore, never).then(
        () => undefined,
        (error: unknown) => error,
      );

      if (end !== undefined) expect(end).toMatchObject({ code: 'E_VERIFY' });
    }
  },
);

test.each(FILE_FORMATS)(
  'a pipe or a device in place of an image is told, and nobody waits for it (%s)',
  async (format) => {
    const { into, image } = await written(format, SEED);
    const pipe = path.join(into, image.path);
    rmSync(pipe);
    execFileSync('mkfifo', [pipe]);

    const ofPipe = { code: 'E_VERIFY', message: expect.stringContaining('it is not a regular file') };
    expect(await failure(verifyImage(into, image, ignore, never))).toMatchObject(ofPipe);
    expect(await failure(storedImages.check(into, image, never))).toMatchObject(ofPipe);
    rmSync(pipe);
    symlinkSync('/dev/zero', pipe);
    expect(await failure(verifyImage(into, image, ignore, never))).toMatchObject(ofPipe);
  },
);

test('an image that cannot be read is told as such, also while a disk is written from it', async () => {
  const { into, image } = await written('raw', SEED);
  const to = path.join(folder(), 'disk.raw');
  const handle = await open(path.join(into, image.path));
  const files: Pick<FileHandle, 'read'> = Object.getPrototypeOf(handle);
  await handle.close();
  const { read } = files;
  files.read = () => Promise.reject(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }));
  const ofImage = {
    code: 'E_VERIFY',
    message: `image "${path.join(into, image.path)}" is damaged: it cannot be read (EIO)`,
  };
  try {
    expect(await failure(verifyImage(into, image, ignore, never))).toMatchObject(ofImage);
    expect(await failure(storedImages.writeRaw(into, image, to, ignore, never))).toMatchObject(ofImage);
  } finally {
    files.read = read;
  }
});

test('a file that is there already is told by its own name where a disk is to be written', async () => {
  const { into, image } = await written('raw', SEED);
  const to = path.join(folder(), 'disk.raw');
  writeFileSync(to, 'kept');

  expect(await failure(storedImages.writeRaw(into, image, to, ignore, never))).toMatchObject({
    code: 'E_EXPORT',
    message: `"${to}" is there already`,
  });
});
