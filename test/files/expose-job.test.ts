import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { verifyVerb } from '../../src/cli/verify-verb.ts';
import { reap } from '../../src/job/reap.ts';
import type { ExposedAs } from '../../src/ports/exposures.ts';
import type { Reporter } from '../../src/ports/reporter.ts';
import { ended, start } from '../crash/killed-run.ts';
import { failure } from '../failure.ts';
import { openSite, type Site } from '../lab/main-job/site.ts';
import { leftByKilled } from '../left-behind.ts';
import { deadlyPrograms } from './deadly-programs.ts';
import { heldBelow, must } from './stage.ts';

const DEVICE = '00101';
const JOB = 'no-freeze';
const CYLINDERS = 2;
/** The lab's virtual disk ends before its device does. */
const NAME = 'sql01/hard-disk-1.raw';
const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const never = new AbortController().signal;
const unfrozen = (expose: ExposedAs) => ({ freeze: 'none', grade: 'crash', expose }) as const;

let site: Site;
let content: Buffer;
const directory = () => path.join(site.lab.directory, 'export', JOB);
const manifestFile = () => path.join(directory(), 'snaphook-manifest.json');
const hookArgs = () => ['--job', JOB, '--config', site.lab.configFile];

beforeAll(async () => {
  site = await openSite({ estate: { disks: 1, cylinders: CYLINDERS } });
  content = randomBytes(CYLINDERS * 15 * 131_072);
  site.lab.store.open(DEVICE).write(0, content);
  const config = parse(readFileSync(site.lab.configFile, 'utf8'));
  config.jobs[JOB].handOver = 'fuse';
  // The stage has mounts of its own.
  config.proxy.mountNamespace = 'any';
  writeFileSync(site.lab.configFile, stringify(config));
});

afterAll(async () => {
  await site.close();
});

/** Helpers whose command line names the hand-over directory. */
const helpers = (): readonly string[] =>
  must('ps', ['-eo', 'args='])
    .split('\n')
    .filter((line) => line.startsWith('qemu-storage-daemon') && line.includes(directory()));

function expectNothingLeft(): void {
  expect(helpers()).toEqual([]);
  expect(heldBelow(site.lab.directory)).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
  expect(existsSync(path.join(directory(), 'sql01'))).toBe(false);
}

function expectWhole(file: string): void {
  const { sizeBytes } = JSON.parse(readFileSync(manifestFile(), 'utf8')).exposed.disks[0];
  const bytes = readFileSync(file);
  expect(bytes.length).toBe(sizeBytes);
  expect(bytes.equals(content.subarray(0, sizeBytes))).toBe(true);
}

test('pre hands over the linked target as a file without a copy, and post leaves nothing', async () => {
  const result = await site.pre({ job: JOB, spec: unfrozen('fuse') });

  expect(result).toMatchObject({
    files: [],
    mounts: undefined,
    exposed: { disks: 1, helper: { pid: expect.any(Number) } },
  });
  expectWhole(path.join(directory(), NAME));
  expect(JSON.parse(readFileSync(manifestFile(), 'utf8'))).toMatchObject({
    images: [],
    exposed: {
      as: 'fuse',
      disks: [{ path: NAME, device: DEVICE, holds: 'disk', vms: [{ name: 'sql01', disk: 'Hard disk 1' }] }],
    },
  });
  await site.post(JOB);
  expectNothingLeft();
});

test('verify says that nothing can be compared with a disk that was never read', async () => {
  await site.pre({ job: JOB, spec: unfrozen('fuse') });
  const request = { manifest: manifestFile(), publicKey: undefined, root: undefined };

  expect(await failure(verifyVerb(request, silent, never))).toMatchObject({
    code: 'E_VERIFY',
    message: expect.stringContaining('without a copy'),
  });
  await site.post(JOB);
  expectNothingLeft();
});

test('nbd: pre hands over the linked target as an export, and post leaves nothing', async () => {
  await site.pre({ job: JOB, spec: unfrozen('nbd') });
  const copy = path.join(site.lab.directory, 'copy');
  must('nbdcopy', [`nbd+unix:///${NAME}?socket=${path.join(directory(), 'snaphook-nbd.sock')}`, copy]);
  expectWhole(copy);
  rmSync(copy);

  await site.post(JOB);
  expectNothingLeft();
});

test('when the journals are lost, reap ends the helper before it takes the target away', async () => {
  await site.pre({ job: JOB, spec: unfrozen('fuse') });
  rmSync(path.join(site.lab.directory, 'state'), { recursive: true });

  const reaped = await site.withPorts((ports) =>
    reap(ports, { apply: true, includeWaiting: false, olderThanMs: 0 }, never),
  );

  expect(reaped.map(({ finding, did }) => [finding.kind, did])).toEqual([
    ['orphan-export', 'removed'],
    ['orphan-snapshot', 'removed'],
  ]);
  expectNothingLeft();
});

test('the helper outlives the hook and the end of its process group, and keeps no pipe of its caller open', async () => {
  const hook = spawn(process.execPath, [path.join(__dirname, '../../dist/pre-backup.cjs'), ...hookArgs()], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  hook.stdout?.resume();
  hook.stdio[3]?.on('data', () => undefined);
  // The hook has ended and each pipe is at its end, also the one that the hook knew nothing of.
  expect(await ended(hook)).toMatchObject({ exitCode: 0 });
  expect(() => process.kill(-(hook.pid ?? 0), 'SIGKILL')).toThrow(/ESRCH/);

  expectWhole(path.join(directory(), NAME));
  expect(await ended(start('post-backup', hookArgs()))).toMatchObject({ exitCode: 0 });
  expectNothingLeft();
});

describe('killed', () => {
  const PROGRAMS = ['losetup', 'env', 'umount'];

  // The preflight asks the helper what it can do; then attach, detach when unused, start.
  test.each([2, 3, 4])('after program %d: post finds what was begun and takes all of it away', async (nth) => {
    expect(await ended(start('pre-backup', hookArgs(), deadlyPrograms(PROGRAMS, nth)))).toMatchObject({ killed: true });
    expect(leftByKilled(site.lab)).not.toEqual([]);
    expect(helpers()).toHaveLength(nth === 4 ? 1 : 0);

    expect(await ended(start('post-backup', hookArgs()))).toMatchObject({ exitCode: 0 });
    expectNothingLeft();
  });

  test('between the start of the helper and the journal: the next pre hook takes all of it away and hands over anew', async () => {
    expect(await ended(start('pre-backup', hookArgs(), deadlyPrograms(PROGRAMS, 4)))).toMatchObject({ killed: true });
    const before = helpers();

    await site.pre({ job: JOB, spec: { ...unfrozen('fuse'), onOpenRun: 'replace' } });

    expect(helpers()).toHaveLength(1);
    expect(helpers()).not.toEqual(before);
    expectWhole(path.join(directory(), NAME));
    await site.post(JOB);
    expectNothingLeft();
  });

  test('post after its unmount: the next one ends the rest', async () => {
    await site.pre({ job: JOB, spec: unfrozen('fuse') });
    expect(await ended(start('post-backup', hookArgs(), deadlyPrograms(PROGRAMS, 1)))).toMatchObject({ killed: true });

    expect(await ended(start('post-backup', hookArgs()))).toMatchObject({ exitCode: 0 });
    expectNothingLeft();
  });
});
