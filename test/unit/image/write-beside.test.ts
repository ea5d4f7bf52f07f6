import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { imageFiles } from '../../../src/image/image-files.ts';
import { verifyFile } from '../../../src/image/verify-image.ts';
import { writeBeside } from '../../../src/image/write-beside.ts';
import { failure } from '../../failure.ts';

const never = new AbortController().signal;
const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-beside-'));
const CONTENT = Buffer.from([0, 255, 10, 13]);

test('a small file has its bytes, its hash, and is readable by its owner alone', async () => {
  const into = folder();
  const written = await imageFiles.writeBeside(into, { path: 'vm/vm.nvram', content: CONTENT }, never);

  const file = path.join(into, 'vm/vm.nvram');
  expect(readFileSync(file)).toEqual(CONTENT);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(written).toEqual({
    path: 'vm/vm.nvram',
    sizeBytes: 4,
    blake2b: createHash('blake2b512').update(CONTENT).digest('hex'),
  });
  await verifyFile(into, written, never);
});

test('a half of another run is neither overwritten nor removed, and no path leads out of the directory', async () => {
  const into = folder();
  writeFileSync(path.join(into, 'vm.vmx.partial'), 'theirs');
  expect(await failure(imageFiles.writeBeside(into, { path: 'vm.vmx', content: 'ours' }, never))).toMatchObject({
    code: 'E_EXPORT',
  });
  expect(readFileSync(path.join(into, 'vm.vmx.partial'), 'utf8')).toBe('theirs');
  await expect(imageFiles.writeBeside(into, { path: '../vm.vmx', content: '' }, never)).rejects.toThrow(TypeError);
});

test('a run that is called off leaves nothing of it', async () => {
  const into = folder();
  const stopped = AbortSignal.abort(new Error('stopped'));
  await expect(writeBeside(into, { path: 'vm.vmx', content: 'x' }, stopped)).rejects.toThrow();
  expect(readdirSync(into)).toEqual([]);
});

test('a file that was changed, cut or lost is found', async () => {
  const into = folder();
  const written = await imageFiles.writeBeside(into, { path: 'vm.vmx', content: CONTENT }, never);
  const file = path.join(into, 'vm.vmx');
  const found = () => failure(verifyFile(into, written, never));

  writeFileSync(file, Buffer.from([0, 255, 10, 14]));
  expect(await found()).toMatchObject({ code: 'E_VERIFY', message: expect.stringContaining('hash') });
  truncateSync(file, 3);
  expect(await found()).toMatchObject({ code: 'E_VERIFY', message: expect.stringContaining('3 bytes') });
  expect(await failure(verifyFile(folder(), written, never))).toMatchObject({ code: 'E_VERIFY' });
});
