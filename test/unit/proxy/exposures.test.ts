import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../../src/platform/clock.ts';
import { createLinuxExposures } from '../../../src/proxy/linux/linux-exposures.ts';
import { failure } from '../../failure.ts';

test('at the signal the programs of an exposure are ended before it rejects, and nothing is begun any more', async () => {
  const place = realpathSync(mkdtempSync(path.join(tmpdir(), 'exposures-')));
  const [bin, directory, device, told] = ['bin', 'export', 'device', 'told'].map((name) => path.join(place, name));
  if (!bin || !directory || !device || !told) throw new Error('four names');
  for (const folder of [bin, directory]) mkdirSync(folder);
  writeFileSync(device, Buffer.alloc(512));
  // One that hangs until it is killed.
  writeFileSync(
    path.join(bin, 'losetup'),
    `#!/bin/sh\necho $$ > ${told}.new; mv ${told}.new ${told}\nexec sleep 600\n`,
    {
      mode: 0o755,
    },
  );
  const { PATH } = process.env;
  process.env.PATH = `${bin}:${PATH}`;
  // The time after which nobody waits any more does not come: only what the signal itself ends has ended.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date', 'performance', 'hrtime'] });
  try {
    const stop = new AbortController();
    const disks = [{ path: 'vm/hard-disk-1.raw', devicePath: device, sizeBytes: 512 }];
    const exposed = failure(
      createLinuxExposures(systemClock, 'any').expose(directory, { tag: 'snaphook-x', as: 'fuse', disks }, stop.signal),
    );
    while (!existsSync(told)) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('enough'));

    expect(await exposed).toMatchObject({ message: 'enough' });
    expect(() => process.kill(Number(readFileSync(told, 'utf8')), 0)).toThrow('ESRCH');
    expect(readdirSync(directory)).toEqual([]);
  } finally {
    jest.useRealTimers();
    process.env.PATH = PATH;
  }
});
