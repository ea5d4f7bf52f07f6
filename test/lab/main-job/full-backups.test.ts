import path from 'node:path';
import { composePorts, jobSpec } from '../../../src/cli/compose.ts';
import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import { EXIT } from '../../../src/cli/exit-codes.ts';
import { planVerb } from '../../../src/cli/plan-verb.ts';
import { snapshotExportVerb } from '../../../src/cli/snapshot-export-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { keepSnapshot } from '../../../src/job/keep.ts';
import { deleteKept } from '../../../src/job/kept-changes.ts';
import { SQL_SERVER_WRITER } from '../../../src/lab/windows-guest/vss-writers.ts';
import { failureOf } from '../../contract/guest.ts';
import { changeConfig, withFullBackups } from '../lab-config.ts';
import { crashPre, reapSite } from '../reap/crashed-site.ts';
import { patiently } from './patiently.ts';
import { openSite, type Site } from './site.ts';

const told: string[] = [];
const reporter = { info: () => undefined, warn: (text: string) => void told.push(text), progress: () => undefined };

let site: Site;
beforeAll(async () => {
  site = await openSite({}, (configFile) => composePorts(loadConfig(configFile), reporter));
  changeConfig(site.lab.configFile, withFullBackups('nightly'));
});
afterAll(() => site.close());
beforeEach(() => told.splice(0));
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
});

const logBegin = () => site.lab.application.logBegin;
const effects = (operation: string) => site.lab.events.events.filter((event) => event.operation === operation);

/** The same job, which does not say that its post hook is told the outcome. */
const untoldConfig = (): string =>
  changeConfig(
    site.lab.configFile,
    ({ jobs }) => Object.assign(jobs.nightly ?? {}, { outcomeIsTold: false }),
    path.join(site.lab.directory, 'untold.yaml'),
  );
const planOf = (configFile: string) =>
  planVerb({ configFile, job: 'nightly', vms: [] }, reporter, new AbortController().signal);

test('a job that was never run: its plan says which guest makes full backups, and when a pre hook will be refused', async () => {
  expect((await planOf(site.lab.configFile)).text).toMatch(/full backup.*\n/);
  expect((await planOf(site.lab.configFile)).text).not.toContain('E_CONFIG');

  expect((await planOf(untoldConfig())).text).toMatch(/warning: guest "sql01".*"full".*refused \(E_CONFIG\) unless/);
});

test('the log is dropped when the post hook hears of success, not a moment before, and only up to what the backup holds', async () => {
  const before = logBegin();
  const result = await patiently(() => site.pre());
  const atHandOver = site.lab.application.lastAcknowledged;

  expect(result.capture.vms.map(({ grade }) => grade)).toEqual(['application']);
  expect(logBegin()).toBe(before);
  expect(effects('BackupComplete')).toEqual([]);
  expect(site.leftBehind()).toContain('parked full backup');
  expect(site.leftBehind()).not.toContain('guest shell');

  await site.post('nightly', 'success');

  expect(logBegin()).toBeGreaterThan(before);
  expect(logBegin()).toBeLessThanOrEqual(atHandOver + 1);
  expect(effects('BackupComplete').at(-1)?.detail).toMatchObject({ success: true, backupType: 'full' });
});

test('a backup of which the post hook hears nothing drops no log', async () => {
  await patiently(() => site.pre());
  const before = logBegin();

  await site.post('nightly');

  expect(logBegin()).toBe(before);
  expect(effects('BackupComplete').at(-1)?.detail).toMatchObject({ success: false });
  expect(told.join()).toContain('ended as failed');
});

test('a job whose post hook hears nothing is refused before any of its guests is reached', async () => {
  const calls = () => site.lab.events.events.filter(({ system }) => system === 'guest').length;
  const before = calls();

  const error = await site.failingPre({ job: 'mixed', spec: { outcomeIsTold: false } });

  expect(error).toMatchObject({ code: 'E_CONFIG' });
  expect(error.hint).toContain('outcomeIsTold');
  expect(calls()).toBe(before);
});

test('and by day plan and doctor refuse it as the run did, since the same product will call again', async () => {
  const configFile = untoldConfig();
  const refused = { code: 'E_CONFIG', message: expect.stringMatching(/"full".*nothing tells the post hook.*"test"/) };

  expect(await failureOf(planOf(configFile))).toMatchObject(refused);
  const { signal } = new AbortController();
  const { document, exitCode } = await doctorVerb({ configFile, job: 'nightly', probe: undefined }, reporter, signal);
  expect(exitCode).toBe(EXIT.preflight);
  expect(document).toMatchObject({
    checks: expect.arrayContaining([
      expect.objectContaining({ name: 'job nightly', ok: false, error: expect.objectContaining(refused) }),
    ]),
  });
});

test('a snapshot that is kept by hand changes nothing of that, and is handed over although nobody tells how it ends', async () => {
  const configFile = untoldConfig();
  const { signal } = new AbortController();
  const keep = { label: 'before patch', days: 1, rule: 'own' } as const;
  const called = { integration: 'snapshot create', instance: undefined, productRunId: undefined, level: undefined };
  const spec = jobSpec(loadConfig(configFile), 'nightly');
  const { runId } = await patiently(() =>
    site.withPorts((ports) => keepSnapshot(ports, spec, keep, { job: 'nightly', ...called }, signal)),
  );
  expect(await failureOf(planOf(configFile))).toMatchObject({ message: expect.stringContaining('"test"') });

  const { exitCode } = await snapshotExportVerb({ configFile, job: 'nightly', run: runId, vms: [] }, reporter, signal);

  expect(exitCode).toBe(0);
  await site.post('nightly');
  expect(await failureOf(planOf(configFile))).toMatchObject({ message: expect.stringContaining('"test"') });
  await site.withPorts((ports) => deleteKept(ports, [runId], { apply: true }, signal));
});

test('a guest that was started anew meanwhile is told as lost, keeps its log, and holds up nothing', async () => {
  await patiently(() => site.pre());
  const before = logBegin();
  site.lab.guest.forgetBoot();

  await site.post('nightly', 'success');

  expect(logBegin()).toBe(before);
  expect(told.join()).toContain('has lost its full backup');
});

test('what is not of grade application makes no log go, whatever the product says', async () => {
  const heal = site.lab.guest.vss.failWriter(SQL_SERVER_WRITER, 'post-snapshot', '0x800423F3');
  const { degraded } = await site.pre({ spec: { onLowerGrade: 'degrade' } });
  heal();
  const before = logBegin();

  await site.post('nightly', 'success');

  expect(degraded).toBe(true);
  expect(logBegin()).toBe(before);
});

test('a pre hook that fails after guests were left to wait ends their backups as failed', async () => {
  const heal = site.lab.guest.vss.failWriter(SQL_SERVER_WRITER, 'post-snapshot', '0x800423F3');
  const before = logBegin();

  const error = await site.failingPre();

  heal();
  expect(error).toMatchObject({ code: 'E_WRITER_FAILED', retry: 'safe' });
  expect(error.hint).toContain('ten minutes');
  expect(logBegin()).toBe(before);
});

test('a guest that cannot be reached keeps nothing on the array, and a later hook tells it what the first one heard', async () => {
  await patiently(() => site.pre());
  const before = logBegin();
  const fault = site.lab.faults.add({ system: 'guest', operation: 'Create', when: 'before', action: { do: 'drop' } });

  expect(await failureOf(site.post('nightly', 'success'))).toMatchObject({ code: 'E_LEFTOVERS' });

  expect(site.leftBehind().filter((left) => /snapshot|link|member/.test(left))).toEqual([]);
  expect(logBegin()).toBe(before);
  fault();
  await site.post('nightly');
  expect(logBegin()).toBeGreaterThan(before);
});

test('a pre hook that is killed when guests wait leaves nothing parked, and no log is dropped', async () => {
  const before = logBegin();
  await crashPre(site.lab, 'nightly', { operation: 'PUT private/snapshot Link', when: 'after' });
  expect(site.lab.guest.parkedBackups()).toBe(1);

  await reapSite(site, { apply: true, olderThanMs: 0 });

  expect(site.lab.guest.parkedBackups()).toBe(0);
  expect(logBegin()).toBe(before);
});
