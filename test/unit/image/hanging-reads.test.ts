import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { assembleBands } from '../../../src/image/bands/assemble-bands.ts';
import { imageFiles } from '../../../src/image/image-files.ts';
import { storedImages } from '../../../src/image/image-source.ts';
import { verifyFile, verifyImage } from '../../../src/image/verify-image.ts';
import { hangingCalls } from '../../../src/platform/unless-aborted.ts';
import type { ImageFile, WrittenFile } from '../../../src/ports/images.ts';
import { loseServer } from '../../lost-server.ts';
import { BandSite, disk } from './bands/band-site.ts';

const never = new AbortController().signal;
const ignore = () => undefined;
const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-hanging-'));

interface Handed {
  readonly into: string;
  readonly image: ImageFile;
  readonly file: WrittenFile;
  readonly bands: string;
}

async function handedOver(): Promise<Handed> {
  const into = folder();
  const devicePath = path.join(folder(), 'device');
  writeFileSync(devicePath, Buffer.alloc(1024 * 1024, 7));
  const request = { devicePath, path: 'disk.qcow2', format: 'qcow2', sizeBytes: 1024 * 1024 } as const;
  const image = await imageFiles.write(into, request, ignore, never);
  const file = await imageFiles.writeBeside(into, { path: 'vm.vmx', content: 'x' }, never);
  const site = new BandSite();
  await site.run('run-1', { 'disk.bands': disk([1, 2]) });
  return { into, image, file, bands: site.file('disk.bands') };
}

async function through(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

test.each<[string, (handed: Handed, into: string, signal: AbortSignal) => Promise<unknown>]>([
  ['verifying an image', ({ into, image }, _, signal) => verifyImage(into, image, ignore, signal)],
  ['verifying a file', ({ into, file }, _, signal) => verifyFile(into, file, signal)],
  ['looking at a stored image', ({ into, image }, _, signal) => storedImages.check(into, image, signal)],
  ['sending one', ({ into, image }, _, signal) => through(storedImages.streamVmdk(into, image, ignore, signal))],
  [
    'writing one',
    ({ into, image }, to, signal) => storedImages.writeRaw(into, image, path.join(to, 'disk.raw'), ignore, signal),
  ],
  ['assembling bands', ({ bands }, to, signal) => assembleBands(bands, path.join(to, 'disk.raw'), ignore, signal)],
])('%s does not wait for a read that hangs beyond the signal', async (what, call) => {
  const handed = await handedOver();
  const to = folder();
  const server = await loseServer();
  const abort = new AbortController();
  try {
    const ended = expect(call(handed, to, abort.signal)).rejects.toThrow('too late');
    await server.asked;
    abort.abort(new Error('too late'));
    await ended;
  } finally {
    server.comeBack();
  }
  while (hangingCalls() > 0) await new Promise(setImmediate);
  if (what === 'assembling bands') expect(readdirSync(to)).toEqual([]);
});
