import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../src/platform/clock.ts';
import type { ExposedAs } from '../../src/ports/exposures.ts';
import { endHelpers, findHelpers } from '../../src/proxy/linux/exposure-helper.ts';
import { createLinuxExposures } from '../../src/proxy/linux/linux-exposures.ts';
import { heldBelow, must, newFolder } from './stage.ts';

const exposures = createLinuxExposures(systemClock, 'any');
/** Whoever waits for a reader gives up at once. */
const hasty = createLinuxExposures({ ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 100 }, 'any');
const never = new AbortController().signal;
const MIB = 1024 * 1024;
const SIZE_BYTES = 3 * MIB;
const PATHS = ['vm, the first/hard-disk-1.raw', 'vm, the first/hard-disk-2.raw'];
const [FIRST = '', SECOND = ''] = PATHS;
const tags: { readonly tag: string; readonly as: ExposedAs }[] = [];

afterEach(async () => {
  for (const { tag, as } of tags.splice(0)) await endHelpers(tag, as, systemClock, never);
});

/** Two disks, shown. The devices are longer than the disks on them, as targets are. */
async function exposed(as: ExposedAs) {
  const place = newFolder('exposed');
  const directory = path.join(place, 'export');
  mkdirSync(directory);
  const devices = ['first', 'second'].map((name) => path.join(place, name));
  for (const device of devices) writeFileSync(device, randomBytes(SIZE_BYTES + MIB));
  const disks = devices.map((devicePath, index) => ({ path: PATHS[index] ?? '', devicePath, sizeBytes: SIZE_BYTES }));
  const tag = `snaphook-${path.basename(place)}`;
  tags.push({ tag, as });
  const helper = await exposures.expose(directory, { tag, as, disks }, never);
  const release = (isOurs = true, by = exposures, signal = never) =>
    by.release(directory, { tag, as, paths: PATHS, devicePaths: devices, isOurs }, signal);
  const contents = devices.map((device) => readFileSync(device).subarray(0, SIZE_BYTES));
  return { place, directory, devices, contents, tag, helper, release, file: path.join(directory, FIRST) };
}

/** The code with which reading the whole file ends; undefined: it was read. */
function readError(file: string): string | undefined {
  const { status, stderr } = spawnSync('cat', [file], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  return status === 0 ? undefined : stderr.trim().replace(/^.*: /, '');
}

const socketUri = (directory: string, name: string) =>
  `nbd+unix:///${encodeURIComponent(name)}?socket=${encodeURIComponent(path.join(directory, 'snaphook-nbd.sock'))}`;

test('fuse: every disk is a file of its bytes and size, which nobody can write', async () => {
  const { directory, contents, release, place } = await exposed('fuse');

  for (const [index, name] of PATHS.entries())
    expect(readFileSync(path.join(directory, name)).equals(contents[index] ?? Buffer.alloc(0))).toBe(true);
  expect(() => writeFileSync(path.join(directory, FIRST), 'x', { flag: 'r+' })).toThrow(/EROFS|EACCES|EPERM/);

  expect(await release()).toEqual([]);
  expect(existsSync(path.join(directory, path.dirname(FIRST)))).toBe(false);
  expect(heldBelow(place)).toEqual([]);
});

test('the helper is no child of this process, of a session of its own, and has nothing open that its starter had', async () => {
  const { helper, release } = await exposed('fuse');
  const [, , parent, , session] = must('ps', ['-o', 'pid=,comm=,ppid=,pgid=,sid=', '-p', String(helper.pid)]).split(
    / +/,
  );

  expect(Number(parent)).not.toBe(process.pid);
  expect(session).not.toBe(must('ps', ['-o', 'sid=', '-p', String(process.pid)]).trim());
  expect(readlinkSync(`/proc/${helper.pid}/cwd`)).toBe('/');
  for (const stream of [0, 1, 2]) expect(readlinkSync(`/proc/${helper.pid}/fd/${stream}`)).toBe('/dev/null');
  await release();
});

test('a helper that is asked to end goes on; one that is killed leaves errors, and neither zeros nor an empty file', async () => {
  const { helper, file, contents, release, place } = await exposed('fuse');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(helper.pid, signal);
  expect(readFileSync(file).equals(contents[0] ?? Buffer.alloc(0))).toBe(true);

  process.kill(helper.pid, 'SIGKILL');
  while (existsSync(`/proc/${helper.pid}`)) await systemClock.sleep(5);

  for (const name of PATHS)
    expect(readError(path.join(path.dirname(file), path.basename(name)))).toMatch(/not connected/);
  expect(await release()).toEqual([]);
  expect(heldBelow(place)).toEqual([]);
});

test('what a device that vanished had is read as an error, and never as zeros', async () => {
  const { devices, file, release } = await exposed('fuse');
  truncateSync(devices[0] ?? '', 0);

  expect(readError(file)).toBe('Input/output error');
  await release();
});

test('a block device that shrinks to nothing, as one that vanishes does, is read as an error, and no loop device of ours stays on it', async () => {
  const place = newFolder('block');
  const directory = path.join(place, 'export');
  mkdirSync(directory);
  const behind = path.join(place, 'behind');
  writeFileSync(behind, randomBytes(SIZE_BYTES));
  const device = must('losetup', ['--find', '--show', behind]);
  try {
    const exposure = { tag: `snaphook-${path.basename(place)}`, as: 'fuse' } as const;
    tags.push(exposure);
    const disks = [{ path: FIRST, devicePath: device, sizeBytes: SIZE_BYTES }];
    await exposures.expose(directory, { ...exposure, disks }, never);
    // Nothing was read before: what the kernel has in memory it goes on to give out.
    truncateSync(behind, 0);
    must('losetup', ['--set-capacity', device]);

    expect(readError(path.join(directory, FIRST))).toBe('Input/output error');
    await exposures.release(directory, { ...exposure, paths: [FIRST], devicePaths: [device], isOurs: true }, never);
  } finally {
    must('losetup', ['--detach', device]);
  }
  const held = must('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE']);
  expect(held).not.toMatch(new RegExp(`/snaphook/.*-${path.basename(device)}( |$)`, 'm'));
});

test('while somebody reads nothing is taken away, and who it is is told', async () => {
  const { file, release, contents } = await exposed('fuse');
  const reader = spawn('sh', ['-c', 'exec 3< "$0"; echo open; exec sleep 600 >/dev/null', file]);
  await once(reader.stdout, 'data');

  await expect(release(true, hasty)).rejects.toMatchObject({
    code: 'E_PROXY',
    message: expect.stringMatching(new RegExp(`in use by (sh|sleep) \\(${reader.pid}\\)`)),
  });
  expect(readFileSync(file).equals(contents[0] ?? Buffer.alloc(0))).toBe(true);

  reader.kill('SIGKILL');
  await once(reader, 'exit');
  expect(await release()).toEqual([]);
});

test('what may be of another run is left alone, unless a helper with the tag shows whose it is', async () => {
  const { directory, tag, release } = await exposed('fuse');
  const other = { tag: `${tag}-other`, as: 'fuse', paths: PATHS, devicePaths: [], isOurs: false } as const;

  await exposures.release(directory, other, never);
  expect(await findHelpers(tag, 'fuse')).toHaveLength(1);
  expect(existsSync(path.join(directory, SECOND))).toBe(true);

  expect(await release(false)).toEqual([]);
  expect(existsSync(path.join(directory, path.dirname(FIRST)))).toBe(false);
});

test('files of a helper that was killed, which nothing shows to be of this run any more, are told', async () => {
  const { directory, helper, release } = await exposed('fuse');
  process.kill(helper.pid, 'SIGKILL');
  while (existsSync(`/proc/${helper.pid}`)) await systemClock.sleep(5);

  expect(await release(false)).toEqual(PATHS.map((name) => path.join(directory, name)));

  expect(await release()).toEqual([]);
  expect(await release(false)).toEqual([]);
});

test('a release that waits for a reader goes on with nothing once it is aborted', async () => {
  const { file, release } = await exposed('fuse');
  const reader = spawn('sh', ['-c', 'exec 3< "$0"; echo open; exec sleep 600 >/dev/null', file]);
  await once(reader.stdout, 'data');
  const stop = new AbortController();
  let waits = 0;
  const clock = {
    ...systemClock,
    sleep: async (_: number, signal?: AbortSignal) => {
      stop.abort(new Error('enough'));
      signal?.throwIfAborted();
      waits += 1;
      if (waits > 1) throw new Error('it went on');
    },
  };

  await expect(release(true, createLinuxExposures(clock, 'any'), stop.signal)).rejects.toThrow('enough');

  reader.kill('SIGKILL');
  await once(reader, 'exit');
  expect(await release()).toEqual([]);
});

test('a file with something in it at the place of a disk ends preflight, and release leaves it alone', async () => {
  const { directory, release, file } = await exposed('fuse');
  await expect(exposures.preflight(directory, 'fuse', PATHS, never)).rejects.toMatchObject({ code: 'E_EXPORT' });
  await release();
  await expect(exposures.preflight(directory, 'fuse', PATHS, never)).resolves.toBeUndefined();
  mkdirSync(path.dirname(file));
  writeFileSync(file, 'somebody else');

  expect(await release()).toEqual([file]);
  expect(readFileSync(file, 'utf8')).toBe('somebody else');
});

test('nbd: every disk is an export of one socket, read-only, on no TCP port', async () => {
  const { directory, contents, place, release, helper } = await exposed('nbd');
  for (const [index, name] of PATHS.entries()) {
    const copy = path.join(place, `copy-${index}`);
    must('nbdcopy', [socketUri(directory, name), copy]);
    expect(readFileSync(copy).equals(contents[index] ?? Buffer.alloc(0))).toBe(true);
    rmSync(copy);
  }
  expect(JSON.parse(must('nbdinfo', ['--json', socketUri(directory, FIRST)]))).toMatchObject({
    exports: [{ is_read_only: true, 'export-size': SIZE_BYTES }],
  });
  expect(must('ss', ['-Htlnp'])).not.toContain(`pid=${helper.pid},`);

  expect(await release()).toEqual([]);
  expect(existsSync(path.join(directory, 'snaphook-nbd.sock'))).toBe(false);
  expect(heldBelow(place)).toEqual([]);
});

test('nbd: a device that vanished is an error for its readers, and a client that is connected is waited for', async () => {
  const { directory, devices, place, release } = await exposed('nbd');
  truncateSync(devices[0] ?? '', 0);
  expect(spawnSync('nbdcopy', [socketUri(directory, FIRST), path.join(place, 'copy')]).status).not.toBe(0);

  const client = spawn('node', [
    '-e',
    `require('net').connect(${JSON.stringify(path.join(directory, 'snaphook-nbd.sock'))}).once('data', () => console.log('greeted'))`,
  ]);
  await once(client.stdout, 'data');
  await expect(release(true, hasty)).rejects.toMatchObject({
    code: 'E_PROXY',
    message: expect.stringContaining('1 client(s)'),
  });
  client.kill('SIGKILL');
  await once(client, 'exit');
  expect(await release()).toEqual([]);
});
