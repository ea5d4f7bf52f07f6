import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { jobSpec } from '../../../src/cli/compose.ts';
import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { post } from '../../../src/job/post.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
/** The Linux VM of this site is reached by VMware Tools alone. */
let configFile: string;

interface SiteConfig {
  guests: { vms: string[]; ssh?: { username: string; password: string; applications: string[] } }[];
}

beforeAll(async () => {
  site = await openSite();
  const config = parse(readFileSync(site.lab.configFile, 'utf8')) as SiteConfig; // written by the lab
  const guests = config.guests.map(({ ssh, ...guest }) => {
    if (!ssh) return guest;
    const { username, password, applications } = ssh;
    return { ...guest, guestOperations: { username, password, applications, sudo: true, leaseSeconds: 60 } };
  });
  configFile = path.join(site.lab.directory, 'guest-operations.yaml');
  writeFileSync(configFile, stringify({ ...config, guests }));
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
  expect(site.lab.linuxGuest.agent.files.below('/dev/shm')).toEqual([]);
  // Nobody came over the network.
  expect(seen().filter(({ system, operation }) => system === 'guest' && operation === 'login')).toEqual([]);
});

const seen = () => site.lab.events.events;

const runPost = () =>
  site.withPorts(async (ports) => {
    await post(ports, jobSpec(loadConfig(configFile), 'linux'));
  }, configFile);

test('a Linux guest without a network path earns the application grade, with one call to vCenter between snapshot and thaw', async () => {
  const start = seen().length;
  const result = await site.pre({ job: 'linux', configFile });

  expect(result.capture.vms.map(({ grade, reasons }) => ({ grade, reasons }))).toEqual([
    { grade: 'application', reasons: [] },
  ]);
  const [system = '', data = ''] = site.lab.estate.linuxDisks.map(({ device }) =>
    path.join(result.directory, result.plan.devices.find((entry) => entry.device === device)?.imagePath ?? ''),
  );
  expect(isConsistent(await checkDatabase(data, system))).toBe(true);
  const events = seen().slice(start);
  const snapshot = events.findIndex(({ operation }) => operation === 'POST private/snapshot');
  const thaw = events.findIndex(({ kind, operation }) => kind === 'effect' && operation === 'Thaw');
  const asked = events
    .slice(snapshot, thaw)
    .filter(({ system: whose, kind }) => whose === 'vcenter' && kind === 'request')
    .map(({ operation }) => operation);
  expect(asked[0]).toBe('StartProgramInGuest');
  expect(asked.filter((operation) => operation === 'StartProgramInGuest')).toHaveLength(1);
  await runPost();
});

test('post ends what a killed pre left in a guest that nobody reaches over the network, and in vCenter', async () => {
  const program = path.join(__dirname, '../../../dist/pre-backup.cjs');
  const child = spawn(process.execPath, [program, '--config', configFile, '--job', 'linux'], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH },
  });
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    nth: 1,
    action: { do: 'call', run: () => void child.kill('SIGKILL') },
  });
  await once(child, 'close');
  expect(site.lab.linuxGuest.sessionCount()).toBe(1);

  await runPost();
});

test('the doctor prepares the guest as a run would, and says by which way', async () => {
  const verb = { configFile, job: 'linux', probe: undefined };
  const { text } = await doctorVerb(
    verb,
    { info: () => undefined, warn: () => undefined, progress: () => undefined },
    AbortSignal.timeout(60_000),
  );

  expect(text).toMatch(/guest pg01.*VMware Tools \(guest operations\) as svc-snaphook; trusted by vCenter/);
  expect(text).toMatch(/freezes .*\/srv\/ledger/);
});
