import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { imageFiles } from '../../../src/image/image-files.ts';
import { filesOfImage, mostBytesOf } from '../../../src/ports/images.ts';
import { SEED } from '../../seed.ts';
import { makeRandomDevice } from '../../unit/image/random-device.ts';

const DEVICES = 70;
const IN_ONE_TEST = 10;
const FORMATS = [
  // `qemu-img check` does not know flat VMDKs: it answers that this format does not support checks.
  { format: 'vmdk-flat', file: 'flat.vmdk', qemuFormat: 'vmdk', isChecked: false },
  { format: 'vmdk-stream', file: 'stream.vmdk', qemuFormat: 'vmdk', isChecked: true },
  { format: 'qcow2', file: 'disk.qcow2', qemuFormat: 'qcow2', isChecked: true },
] as const;

const run = promisify(execFile);
const never = new AbortController().signal;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'qemu-img-peer-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

async function requireAccepted(device: string, sizeBytes: number): Promise<void> {
  const into = path.join(folder, 'export');
  rmSync(into, { recursive: true, force: true });
  for (const { format, file, qemuFormat, isChecked } of FORMATS) {
    const request = { devicePath: device, path: file, format, sizeBytes };
    await imageFiles.write(into, request, () => undefined, never);
    const image = path.join(into, file);
    if (isChecked) await run('qemu-img', ['check', '-q', '-f', qemuFormat, image]);
    const { stdout, stderr } = await run('qemu-img', ['compare', '-f', 'raw', '-F', qemuFormat, device, image]);
    // Of another size it only warns.
    expect([stdout, stderr]).toEqual(['Images are identical.\n', '']);
    const files = filesOfImage(request).map((one) => statSync(path.join(into, one.path)).size);
    const sum = files.reduce((total, bytes) => total + bytes, 0);
    // Of a flat VMDK the descriptor comes on top of the device.
    expect(sum).toBeLessThanOrEqual(mostBytesOf(request) + 1024);
  }
}

test.each(Array.from({ length: DEVICES / IN_ONE_TEST }, (_, index) => SEED + index * IN_ONE_TEST))(
  `qemu-img accepts images of ${IN_ONE_TEST} devices in every format as sound and finds in each the bytes of its device (seed %d)`,
  async (first) => {
    for (let seed = first; seed < first + IN_ONE_TEST; seed += 1) {
      const device = path.join(folder, 'device');
      const { sizeBytes } = makeRandomDevice(device, seed);
      try {
        await requireAccepted(device, sizeBytes);
      } catch (cause) {
        const again = `TEST_SEED=${seed} npm run test:peers -- qemu-img`;
        throw new Error(`device of seed ${seed} (${again}): ${String(cause)}`, { cause });
      }
    }
  },
);
