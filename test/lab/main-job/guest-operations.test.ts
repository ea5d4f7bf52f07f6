import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { jobSpec } from '../../../src/cli/compose.ts';
import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { post } from '../../../src/job/post.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import type { FaultRule } from '../../../src/lab/world/faults.ts';
import { changeConfig, withGuestOperations } from '../lab-config.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
/** The Linux VM of this site is reached by VMware Tools alone. */
let configFile: string;

beforeAll(async () => {
  site = await openSite();
  const into = path.join(site.lab.directory, 'guest-operations.yaml');
  configFile = changeConfig(site.lab.configFile, withGuestOperations({ leaseSeconds: 60 }), into);
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
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

/** The pre hook as a program of its own that dies there. */
async function killPreAt(moment: Pick<FaultRule, 'system' | 'operation' | 'when'>): Promise<void> {
  const program = path.join(__dirname, '../../../dist/pre-backup.cjs');
  const child = spawn(process.execPath, [program, '--config', configFile, '--job', 'linux'], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH },
  });
  const run = () => void child.kill('SIGKILL');
  site.lab.faults.add({ ...moment, nth: 1, action: { do: 'call', run } });
  await once(child, 'close');
}

test('post ends what a killed pre left in a guest that nobody reaches over the network, and in vCenter', async () => {
  await killPreAt({ system: 'array', operation: 'POST private/snapshot', when: 'before' });
  expect(site.lab.linuxGuest.sessionCount()).toBe(1);

  await runPost();
});

test('post also ends a helper that was started and had not yet said a word when its pre hook was killed', async () => {
  await killPreAt({ system: 'vcenter', operation: 'StartProgramInGuest', when: 'after' });
  expect(site.leftBehind()).toContainEqual(expect.stringMatching(/^file \/dev\/shm\/snaphook-.* in the Linux guest$/));

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
