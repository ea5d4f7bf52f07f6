import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { PreResult } from '../../../src/job/pre.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import { until } from '../../contract/guest.ts';
import { labScript } from '../../contract/lab-applications.ts';
import type { ApplicationCall } from '../../contract/vss-helper-applications-world.ts';
import { holdByWindowsPlugIn, OUTSIDE_VSS, withApplicationOutsideVss } from '../guest-applications.ts';
import { changeConfig } from '../lab-config.ts';
import { patiently } from './patiently.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
const calls: ApplicationCall[] = [];
beforeAll(async () => {
  site = await openSite();
  changeConfig(site.lab.configFile, withApplicationOutsideVss);
});
afterAll(() => site.close());
beforeEach(() => {
  calls.splice(0);
  holdByWindowsPlugIn(site.lab);
  beside().scripts = [labScript('10-told.cmd', {}, calls)];
});
afterEach(async () => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
  const before = acknowledged();
  await until(() => acknowledged() > before, 'the application in the Windows guest writes', 10_000);
});

const beside = () => site.lab.guest.vss.applications;
const acknowledged = () => site.lab.guest.database?.lastAcknowledged ?? 0;
const told = () => calls.map(({ name, told: phase }) => `${name} ${phase}`);
const grades = ({ capture }: PreResult) => capture.vms.map(({ grade, reasons }) => ({ grade, reasons }));
const lower = { grade: 'filesystem' as const };

test('an application that no VSS writer speaks for earns the application grade by its plug-in, and its database is in the images', async () => {
  const before = acknowledged();
  const result = await patiently(() => site.pre());

  expect(grades(result)).toEqual([{ grade: 'application', reasons: [] }]);
  const [evidence] = result.capture.vms.map((vm) => vm.evidence.guest);
  expect(evidence).toMatchObject({
    prepared: {
      applications: [{ name: OUTSIDE_VSS, required: true, quiet: true }],
      scripts: [{ name: '10-told.cmd' }, { kind: 'plug-in', name: OUTSIDE_VSS, exitCode: 0 }],
    },
    freeze: {
      scripts: [
        { kind: 'plug-in', name: OUTSIDE_VSS, phase: 'thaw', exitCode: 0 },
        { name: '10-told.cmd', phase: 'thaw', exitCode: 0 },
      ],
    },
  });
  const [data = '', journal = ''] = result.plan.devices.map(({ imagePath }) =>
    path.join(result.directory, imagePath ?? ''),
  );
  const check = await checkDatabase(data, journal);
  expect(isConsistent(check)).toBe(true);
  expect(check.lastTransaction).toBeGreaterThanOrEqual(before);
  await site.post();
});

test('without somebody to speak for it the grade is filesystem, and a job that asks for more fails', async () => {
  beside().plugIns = [];
  const result = await patiently(() => site.pre({ spec: lower }));

  expect(grades(result)).toEqual([
    { grade: 'filesystem', reasons: [expect.stringContaining(`"${OUTSIDE_VSS}" was not made quiet`)] },
  ]);
  await site.post();
  expect(await site.failingPre()).toMatchObject({ code: 'E_GRADE' });
});

test('a plug-in whose application has files on a volume that is not captured does not count', async () => {
  holdByWindowsPlugIn(site.lab, ['\\\\?\\Volume{0a6f1a52-6f0b-4f57-a9a0-999999999999}\\']);
  const result = await patiently(() => site.pre({ spec: lower }));

  expect(grades(result)).toEqual([
    {
      grade: 'filesystem',
      reasons: [expect.stringMatching(/"ledger" was not made quiet: instance "main" has files on/)],
    },
  ]);
  await site.post();
});

test('a script that fails ends the run with its name and words, and nothing stays quiet', async () => {
  beside().scripts = [
    labScript('10-told.cmd', {}, calls),
    labScript('20-fails.cmd', { freeze: { exitCode: 3, output: 'no such server\n' } }, calls),
  ];

  const error = await site.failingPre();

  expect(error).toMatchObject({
    code: 'E_GUEST',
    message: expect.stringMatching(/"20-fails.cmd".*no such server/),
  });
  expect(told()).toEqual([
    '10-told.cmd freeze',
    '20-fails.cmd freeze',
    '20-fails.cmd freezeFail',
    '10-told.cmd freezeFail',
  ]);
});

test('when the freeze is lost, applications are told so', async () => {
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    nth: 1,
    // The hold of 9 s is over after 0.45 s here.
    action: { do: 'delay', delayMs: 900 },
  });
  const result = await site.pre({ spec: { grade: 'crash' } });

  expect(grades(result)).toMatchObject([{ grade: 'crash' }]);
  expect(told()).toEqual(['10-told.cmd freeze', '10-told.cmd freezeFail']);
  await site.post();
});

test('the service that is killed in the window costs the application grade, and what it was to tell is told by the next one', async () => {
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    nth: 1,
    action: { do: 'call', run: () => void site.lab.guest.killService() },
  });
  const result = await patiently(() => site.pre({ spec: lower }));

  expect(grades(result)).toMatchObject([
    { grade: 'filesystem', reasons: expect.arrayContaining([expect.stringContaining('was not seen to let')]) },
  ]);
  await until(() => calls.length > 1, 'the script was told the end');
  expect(told()).toEqual(['10-told.cmd freeze', '10-told.cmd freezeFail']);
  await site.post();
});

test('a hook that is killed in the window leaves no application quiet once it is cleaned up', async () => {
  const program = path.join(__dirname, '../../../dist/pre-backup.cjs');
  let child: ChildProcess | undefined;
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    nth: 1,
    action: { do: 'call', run: () => void child?.kill('SIGKILL') },
  });
  const args = [program, '--config', site.lab.configFile, '--job', 'nightly'];
  child = spawn(process.execPath, args, { stdio: 'ignore', env: { PATH: process.env.PATH } });
  await once(child, 'close');
  expect(told()).toEqual(['10-told.cmd freeze']);

  site.lab.faults.clear();
  await site.post();

  await until(() => site.lab.guest.quietSets() === 0, 'nothing is quiet');
  expect(told()).toEqual(['10-told.cmd freeze', '10-told.cmd freezeFail']);
});
