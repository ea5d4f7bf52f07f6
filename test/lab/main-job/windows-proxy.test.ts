import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import { MOUNT_RECORD } from '../../../src/lab/proxy/windows/disk-writes.ts';
import { startPowerShellProgram } from '../../../src/lab/proxy/windows/powershell-program.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { patiently } from './patiently.ts';
import {
  openWindowsProxySite,
  putNtfs,
  VOLUME,
  type WindowsProxySite,
  windowsMachineOf,
} from './windows-proxy-site.ts';

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const fileSystems = { fileSystems: true, files: [], applications: [] } as const;
const unfrozen = { freeze: 'none', grade: 'crash' } as const;

let proxy: WindowsProxySite;
let site: WindowsProxySite['site'];
let machine: WindowsProxySite['machine'];
let program: WindowsProxySite['program'];

beforeAll(async () => {
  proxy = await openWindowsProxySite();
  ({ site, machine, program } = proxy);
});

afterAll(() => proxy.close());

const usePowerShell = (file: string) =>
  proxy.configure((config) => {
    config.proxy.powershell = file;
  });

const onlineDisks = () => machine.disks.filter(({ isOffline }) => !isOffline);

test('images are read from disks that are offline on a Windows proxy, and the post hook leaves nothing', async () => {
  putNtfs(site);
  const result = await patiently(() => site.pre({ spec: { imageFormat: 'raw' } }));

  const [image] = result.files;
  const bytes = readFileSync(path.join(result.directory, image?.path ?? ''));
  const isWhole = ({ path: file }: { readonly path: string }) =>
    readFileSync(file).subarray(0, bytes.length).equals(bytes);
  expect(bytes.length).toBeGreaterThan(0);
  expect(machine.disks.filter(isWhole)).toHaveLength(1);
  // What Windows would have left there.
  const recordAt = VOLUME.offsetBytes + MOUNT_RECORD.offsetBytes;
  expect(bytes.subarray(recordAt, recordAt + MOUNT_RECORD.sizeBytes).every((byte) => byte === 0)).toBe(true);
  expect(program.pipelines.filter((text) => text.startsWith('Set-Disk'))).toEqual([]);
  await site.post();
  expect(site.leftBehind()).toEqual([]);
  expect(onlineDisks()).toEqual([]);
});

test('file systems are mounted to folders of a Windows proxy, and the post hook takes mounts and disks away', async () => {
  putNtfs(site);

  const result = await site.pre({
    job: 'no-freeze',
    spec: { ...unfrozen, files: { onUnreadable: 'fail' }, verify: { ...fileSystems, isDefault: true } },
  });

  const [disk] = onlineDisks();
  const [folder] = disk?.volumes.flatMap(({ accessPaths }) => accessPaths.slice(1)) ?? [];
  expect(folder).toMatch(/part1$/);
  expect(folder?.startsWith(result.directory)).toBe(true);
  expect(disk?.isReadOnly).toBe(true);
  const handedOver = readFileSync(disk?.path ?? '');
  machine.rescan();
  expect(readFileSync(disk?.path ?? '').equals(handedOver)).toBe(true);
  await site.post('no-freeze');
  expect(onlineDisks()).toEqual([]);
  expect(existsSync(folder ?? '')).toBe(false);
  expect(site.leftBehind()).toEqual([]);
});

test('a job that says itself that file systems are verified is refused before guests are touched', async () => {
  const files = { onUnreadable: 'fail' } as const;
  const cmdlets = program.pipelines.length;

  const refusals = [
    await site.failingPre({ job: 'no-freeze', spec: { ...unfrozen, files, verify: fileSystems } }),
    await site.failingPre({ job: 'no-freeze', spec: { ...unfrozen, verify: fileSystems } }),
  ];

  expect(refusals).toMatchObject([{ code: 'E_PROXY' }, { code: 'E_PROXY' }]);
  expect(program.pipelines.slice(cmdlets).filter((text) => /^(Set|Add)-/.test(text))).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
});

test('a pre hook that fails behind the mounts takes them away by itself', async () => {
  putNtfs(site);

  const error = await site.failingPre({
    job: 'no-freeze',
    spec: { ...unfrozen, files: { onUnreadable: 'fail' } },
    signal: whenMounted(),
  });

  expect(error).toBeInstanceOf(Error);
  expect(onlineDisks()).toEqual([]);
  expect(readdirSync(path.join(site.lab.directory, 'export')).flatMap((name) => entries(name))).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
});

test('the doctor tells a SAN policy by which Windows writes to what it sees', async () => {
  const checkOf = async () => {
    const request = { configFile: site.lab.configFile, job: 'no-freeze', probe: undefined };
    const { text } = await doctorVerb(request, silent, new AbortController().signal);
    return text.split('\n').find((line) => /^\w+ +proxy\b/.test(line));
  };
  expect(await checkOf()).toMatch(/^ok +proxy +Windows, \d+ disk\(s\), SAN policy OfflineShared/);
  const dangerous = await startPowerShellProgram(windowsMachineOf(site, { policy: 'OnlineAll' }));
  usePowerShell(dangerous.file);

  expect(await checkOf()).toMatch(/^FAIL.*OnlineAll.*OfflineShared/);

  usePowerShell(program.file);
  await dangerous.close();
});

/** Aborts when a folder is mounted. */
function whenMounted(): AbortSignal {
  const abort = new AbortController();
  const count = program.pipelines.filter((text) => text.startsWith('Add-')).length;
  const look = () => {
    if (program.pipelines.filter((text) => text.startsWith('Add-')).length > count) abort.abort(new Error('stopped'));
    else setTimeout(look, 1).unref();
  };
  look();
  return abort.signal;
}

const entries = (job: string): readonly string[] => readdirSync(path.join(site.lab.directory, 'export', job));
