import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { jobSpec } from '../../../src/cli/compose.ts';
import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import {
  guestInstallVerb,
  guestSelfTestVerb,
  guestStatusVerb,
  guestUninstallVerb,
} from '../../../src/cli/guest-verbs.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { post } from '../../../src/job/post.ts';
import { reap } from '../../../src/job/reap.ts';
import { DATABASE_VM } from '../../../src/lab/estate.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import { patiently } from './patiently.ts';
import { openSite, type Site } from './site.ts';

const DAY_MS = 24 * 3_600_000;
const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: Site;
/** The Windows VM of this site is reached by VMware Tools alone. */
let configFile: string;

interface SiteConfig {
  guests: { vms: string[]; strategy?: string; winrm?: { username: string; password: string } }[];
  jobs: Record<string, Record<string, unknown>>;
}

/** The configuration of the lab with its Windows guest by guest operations; whatever else is set for it. */
function configured(name: string, settings: object, guestSettings: object = {}, job: object = {}): string {
  const config = parse(readFileSync(site.lab.configFile, 'utf8')) as SiteConfig; // written by the lab
  const guests = config.guests.map(({ winrm, ...guest }) => {
    if (!winrm) return guest;
    const { username, password } = winrm;
    return { ...guest, ...guestSettings, guestOperations: { os: 'windows', username, password, ...settings } };
  });
  Object.assign(config.jobs.nightly ?? {}, job);
  const file = path.join(site.lab.directory, `${name}.yaml`);
  writeFileSync(file, stringify({ ...config, guests }));
  return file;
}

beforeAll(async () => {
  // Half of real time: a hold of 9 s has room for the round trips of a busy machine.
  site = await openSite({ pace: 0.5 });
  configFile = configured('guest-operations', {});
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
  expect(site.lab.guest.files.below(site.lab.guest.agent.temporaryFolder)).toEqual([]);
  // Nobody came over the network.
  expect(seen().filter(({ system, kind }) => system === 'guest' && kind === 'request')).toEqual([]);
});

const seen = () => site.lab.events.events;

const runPost = (file = configFile, backup?: 'success' | 'failure') =>
  site.withPorts(async (ports) => {
    await post(ports, jobSpec(loadConfig(file), 'nightly'), undefined, backup);
  }, file);

const vmsOf = ({ capture }: Awaited<ReturnType<Site['pre']>>) =>
  capture.vms.map(({ grade, reasons }) => ({ grade, reasons }));

test('a Windows guest without a network path earns the application grade, with one call to vCenter between snapshot and thaw', async () => {
  const start = seen().length;
  const result = await patiently(() => site.pre({ configFile }));

  expect(vmsOf(result)).toEqual([{ grade: 'application', reasons: [] }]);
  const [database = '', journal = ''] = [site.lab.databaseDevices.database, site.lab.databaseDevices.journal].map(
    (device) =>
      path.join(result.directory, result.plan.devices.find((entry) => entry.device === device)?.imagePath ?? ''),
  );
  expect(isConsistent(await checkDatabase(database, journal))).toBe(true);
  const events = seen().slice(start);
  const snapshot = events.findLastIndex(({ operation }) => operation === 'POST private/snapshot');
  const thaw = events.findLastIndex(({ kind, operation }) => kind === 'effect' && operation === 'ReleaseWrites');
  const asked = events
    .slice(snapshot, thaw)
    .filter(({ system: whose, kind }) => whose === 'vcenter' && kind === 'request')
    .map(({ operation }) => operation);
  expect(asked).toEqual(['StartProgramInGuest']);
  await runPost();
});

/** Kills the pre hook when a system is asked for something. */
async function killPreAt(system: 'array' | 'vcenter', operation: string, when: 'before' | 'after', nth: number) {
  const program = path.join(__dirname, '../../../dist/pre-backup.cjs');
  const child = spawn(process.execPath, [program, '--config', configFile, '--job', 'nightly'], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH },
  });
  const action = { do: 'call', run: () => void child.kill('SIGKILL') } as const;
  site.lab.faults.add({ system, operation, when, nth, action });
  const [, signal] = await once(child, 'close');
  expect(signal).toBe('SIGKILL');
  site.lab.faults.clear();
}

test('post ends what a pre that was killed in the window left in the guest, and in vCenter', async () => {
  await killPreAt('array', 'POST private/snapshot', 'before', 1);
  expect(site.lab.guest.helperCount()).toBe(1);

  await runPost();

  expect(site.lab.guest.helperCount()).toBe(0);
});

test.each([
  ['before its helper was started', 'before', 1],
  ['when its helper was started, before it knew', 'after', 1],
  ['when it froze, before it knew', 'after', 4],
] as const)('reap ends the session of a pre that was killed %s', async (_, when, nth) => {
  await killPreAt('vcenter', 'StartProgramInGuest', when, nth);

  await site.withPorts(
    (ports) => reap(ports, { apply: true, includeWaiting: false, olderThanMs: DAY_MS }, new AbortController().signal),
    configFile,
  );

  expect(site.lab.guest.helperCount()).toBe(0);
});

test('a full backup is left to the guest, and told its end by another session', async () => {
  const file = configured('full', { backupType: 'full' }, {}, { outcomeIsTold: true });
  const before = site.lab.application.logBegin;
  expect(vmsOf(await patiently(() => site.pre({ configFile: file })))).toMatchObject([{ grade: 'application' }]);
  expect(site.lab.guest.parkedBackups()).toBe(1);
  expect(site.lab.guest.helperCount()).toBe(0);

  await runPost(file, 'success');

  expect(site.lab.application.logBegin).toBeGreaterThan(before);
});

test('shadow copies by diskshadow are made and removed with nothing of ours installed', async () => {
  const file = configured('diskshadow', {}, { strategy: 'vss-diskshadow' }, { onLowerGrade: 'degrade' });
  site.lab.guest.vss.helperInstalled = false;

  const result = await site.pre({ configFile: file });

  site.lab.guest.vss.helperInstalled = true;
  expect(vmsOf(result)).toMatchObject([{ grade: 'crash' }]);
  expect(seen().some(({ operation }) => operation === 'shadow copies made')).toBe(true);
  await runPost(file);
});

test('the doctor prepares the guest as a run would, and says by which way', async () => {
  const verb = { configFile, job: 'nightly', probe: undefined };
  const { text } = await doctorVerb(verb, silent, AbortSignal.timeout(60_000));

  expect(text).toMatch(/guest sql01.*VMware Tools \(guest operations\) as SQL01\\svc-snaphook; trusted by vCenter/);
  expect(text).toMatch(/snaphook-vss \S+ may take part in VSS; freezes /);
});

test('the helper is installed, looked at, tested and taken away with no other way to the guest', async () => {
  const call = { configFile, vm: DATABASE_VM, reporter: silent, signal: AbortSignal.timeout(60_000) };
  const folder = path.join(site.lab.directory, 'helpers');
  mkdirSync(path.join(folder, 'windows-x64'), { recursive: true });
  const files = { 'snaphook-vss.exe': 'a new program', 'snaphook-vss-provider.dll': 'a new provider' };
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, 'windows-x64', name), content);

  const install = await guestInstallVerb(call, folder);
  const status = await guestStatusVerb(call, folder);
  const selfTest = await guestSelfTestVerb(call);
  const uninstall = await guestUninstallVerb(call, undefined);
  const after = await guestStatusVerb(call, folder);
  await guestInstallVerb(call, folder);

  expect(install).toMatchObject({ exitCode: 0, document: { ok: true, isOurs: true, architecture: 'AMD64' } });
  expect(status.document).toMatchObject({ endpoint: 'VMware Tools (guest operations)', isOurs: true });
  expect(selfTest).toMatchObject({ exitCode: 0, document: { ok: true } });
  expect(uninstall.document).toMatchObject({ removed: true });
  expect(after).toMatchObject({ exitCode: 13, document: { version: null } });
});
