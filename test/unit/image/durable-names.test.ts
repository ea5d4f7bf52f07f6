import { existsSync, mkdtempSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { imageFiles } from '../../../src/image/image-files.ts';
import { syncHandOver } from '../../../src/image/sync-hand-over.ts';

const never = new AbortController().signal;
const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-durable-'));
const isLinux = process.platform === 'linux';

/** What folders and files held when they were synced, by their paths. */
async function watchSyncs(): Promise<{ readonly seen: Map<string, readonly string[]>; end(): void }> {
  const handle = await open(__filename);
  const files: Pick<FileHandle, 'sync'> = Object.getPrototypeOf(handle);
  await handle.close();
  const { sync } = files;
  const seen = new Map<string, readonly string[]>();
  files.sync = async function (this: FileHandle) {
    const file = readlinkSync(`/proc/self/fd/${this.fd}`);
    if ((await this.stat()).isDirectory()) seen.set(file, readdirSync(file));
    await Reflect.apply(sync, this, []);
  };
  return {
    seen,
    end() {
      files.sync = sync;
    },
  };
}

async function foldersSyncedBy(work: Promise<unknown>, watch: Awaited<ReturnType<typeof watchSyncs>>) {
  try {
    await work;
  } finally {
    watch.end();
  }
  return Object.fromEntries(watch.seen);
}

(isLinux ? describe : describe.skip)('after a power cut', () => {
  test('the files of an image are where they are, and so are the folders that were made for them', async () => {
    const into = folder();
    const devicePath = path.join(folder(), 'device');
    writeFileSync(devicePath, Buffer.alloc(1024, 1));
    const watch = await watchSyncs();

    const request = { devicePath, path: 'site/vm/disk.vmdk', format: 'vmdk-flat', sizeBytes: 1024 } as const;
    const synced = await foldersSyncedBy(
      imageFiles.write(into, request, () => undefined, never),
      watch,
    );

    expect(synced).toEqual({
      [path.join(into, 'site', 'vm')]: readdirSync(path.join(into, 'site', 'vm')),
      [path.join(into, 'site')]: ['vm'],
      [into]: ['site'],
    });
  });

  test('so is a file beside images', async () => {
    const into = folder();
    const watch = await watchSyncs();

    const synced = await foldersSyncedBy(
      imageFiles.writeBeside(into, { path: 'vm/vm.vmx', content: 'x' }, never),
      watch,
    );

    expect(synced).toEqual({ [path.join(into, 'vm')]: ['vm.vmx'], [into]: ['vm'] });
  });

  test('so is a record', async () => {
    const into = folder();
    const watch = await watchSyncs();

    const record = { name: 'm.json', draft: 'm.draft', text: 'one' };
    const synced = await foldersSyncedBy(imageFiles.writeRecord(into, record, never), watch);

    expect(synced).toEqual({ [into]: ['m.json'] });
  });

  test('a file system that cannot sync folders is no failure; a folder that is not there is one', async () => {
    await syncHandOver('/proc/self');
    await expect(syncHandOver(path.join(folder(), 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('an image of two files whose names are not both given in time has neither', async () => {
  const into = folder();
  const devicePath = path.join(folder(), 'device');
  writeFileSync(devicePath, Buffer.alloc(1024, 1));
  const abort = new AbortController();
  const { signal } = abort;
  const look = signal.throwIfAborted.bind(signal);
  signal.throwIfAborted = () => {
    if (existsSync(path.join(into, 'disk-flat.vmdk'))) abort.abort(new Error('too late'));
    look();
  };

  const request = { devicePath, path: 'disk.vmdk', format: 'vmdk-flat', sizeBytes: 1024 } as const;
  const write = imageFiles.write(into, request, () => undefined, signal);

  await expect(write).rejects.toThrow('too late');
  while (readdirSync(into).length > 0) await new Promise(setImmediate);
});
