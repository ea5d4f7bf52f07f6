import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { imageFiles } from '../../../src/image/image-files.ts';
import { storedImages } from '../../../src/image/image-source.ts';
import { SEED } from '../../seed.ts';
import { makeRandomDevice } from '../../unit/image/random-device.ts';

const DEVICES = 8;
const run = promisify(execFile);
const never = new AbortController().signal;
const ignore = () => undefined;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'qemu-img-upload-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('qemu-img accepts what is sent of an image as a sound VMDK and finds in it the bytes of the device', async () => {
  for (let seed = SEED; seed < SEED + DEVICES; seed += 1) {
    const device = path.join(folder, 'device');
    const { sizeBytes } = makeRandomDevice(device, seed);
    const request = { devicePath: device, path: `${seed}.qcow2`, format: 'qcow2', sizeBytes } as const;
    const image = await imageFiles.write(folder, request, ignore, never);
    const sent = path.join(folder, 'sent.vmdk');
    await writeFile(sent, storedImages.streamVmdk(folder, image, ignore, never));

    await run('qemu-img', ['check', '-q', '-f', 'vmdk', sent]);
    const { stdout } = await run('qemu-img', ['compare', '-f', 'raw', '-F', 'vmdk', device, sent]);
    expect([seed, stdout]).toEqual([seed, 'Images are identical.\n']);
    rmSync(path.join(folder, image.path));
  }
});
