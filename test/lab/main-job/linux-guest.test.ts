import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { PreResult } from '../../../src/job/pre.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import type { LabScript } from '../../../src/lab/guest/lab-script.ts';
import { holdByPlugIn } from '../guest-applications.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
let healthyScripts: readonly LabScript[];
beforeAll(async () => {
  site = await openSite();
  healthyScripts = site.lab.linuxGuest.knobs.scripts;
});
afterAll(() => site.close());
afterEach(async () => {
  site.lab.faults.clear();
  Object.assign(site.lab.linuxGuest.knobs, {
    freezeMs: 5,
    silent: false,
    failingFreeze: undefined,
    scripts: healthyScripts,
    plugIns: [],
  });
  expect(site.leftBehind()).toEqual([]);
  const before = acknowledged();
  for (const deadline = performance.now() + 10_000; acknowledged() === before; await sleepFor(5))
    if (performance.now() > deadline) throw new Error('the application in the Linux guest does not write any more');
});

const acknowledged = () => site.lab.linuxGuest.database?.lastAcknowledged ?? 0;
const grades = ({ capture }: PreResult) => capture.vms.map(({ grade, reasons }) => ({ grade, reasons }));
const linuxEffects = (operation: string) =>
  site.lab.events.events.filter(
    ({ kind, object, operation: seen }) => kind === 'effect' && object === 'pg01' && seen === operation,
  );

/** The application's database as it lies in the images that were handed over. */
async function databaseIn({ plan, directory }: PreResult) {
  const [system = '', data = ''] = site.lab.estate.linuxDisks.map(({ device }) =>
    path.join(directory, plan.devices.find((entry) => entry.device === device)?.imagePath ?? ''),
  );
  return await checkDatabase(data, system);
}

/** The pre hook as a process of its own, which can be killed. */
function runPre(job: string, onStart: (child: ChildProcess) => void): Promise<unknown> {
  const program = path.join(__dirname, '../../../dist/pre-backup.cjs');
  const args = [program, '--config', site.lab.configFile, '--job', job];
  const child = spawn(process.execPath, args, { stdio: 'ignore', env: { PATH: process.env.PATH } });
  onStart(child);
  return once(child, 'close');
}

/** Grade filesystem is enough. */
const lower = { grade: 'filesystem' as const };
const script = (exitCode: number, output = ''): LabScript => ({
  name: '20-other',
  run: async (phase) => (phase === 'freeze' ? { exitCode, output } : { exitCode: 0, output: '' }),
});

test('a Linux guest whose script makes the application quiet earns the application grade, and its images hold the database', async () => {
  const before = acknowledged();
  const result = await site.pre({ job: 'linux' });

  expect(grades(result)).toEqual([{ grade: 'application', reasons: [] }]);
  const check = await databaseIn(result);
  expect(isConsistent(check)).toBe(true);
  expect(check.lastTransaction).toBeGreaterThanOrEqual(before);
  expect(linuxEffects('Freeze').map(({ detail }) => detail.mountPoint)).toEqual(['/srv/ledger', '/']);
  await site.post('linux');
});

test('without a script that speaks for its application the grade is filesystem, and the database still opens', async () => {
  site.lab.linuxGuest.knobs.scripts = [];
  const result = await site.pre({ job: 'linux', spec: lower });

  expect(grades(result)).toEqual([
    { grade: 'filesystem', reasons: [expect.stringMatching(/"ledger" was not made quiet/)] },
  ]);
  expect(isConsistent(await databaseIn(result))).toBe(true);
  await site.post('linux');
});

test('a plug-in that held its application to the end earns the application grade in place of a script', async () => {
  holdByPlugIn(site.lab);
  const result = await site.pre({ job: 'linux' });

  expect(grades(result)).toEqual([{ grade: 'application', reasons: [] }]);
  await site.post('linux');
});

test('a job that asks for the application grade fails without that script, and everything is undone', async () => {
  site.lab.linuxGuest.knobs.scripts = [];

  expect(await site.failingPre({ job: 'linux' })).toMatchObject({ code: 'E_GRADE' });
});

test('a Windows and a Linux guest are captured at one point in time, both application-consistent', async () => {
  const result = await site.pre({ job: 'mixed' });

  expect(grades(result)).toEqual([
    { grade: 'application', reasons: [] },
    { grade: 'application', reasons: [] },
  ]);
  expect(
    new Set(result.capture.vms.flatMap(({ evidence }) => evidence.snapshots.map(({ snapId }) => snapId))).size,
  ).toBe(1);
  expect(isConsistent(await databaseIn(result))).toBe(true);
  await site.post('mixed');
});

test('a failing freeze of the Linux guest thaws the Windows guest too, and the run fails naming the file system', async () => {
  site.lab.linuxGuest.knobs.failingFreeze = { mountPoint: '/', errno: 5 };

  const error = await site.failingPre({ job: 'mixed' });

  expect(error).toMatchObject({ code: 'E_FREEZE_FAILED', message: expect.stringMatching(/"pg01".*"\/"/) });
});

test('a guest that lets go by itself while the array is slow lowers the grade to crash', async () => {
  // The lease of 10 s is over after 0.5 s here.
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    nth: 1,
    action: { do: 'delay', delayMs: 900 },
  });
  const result = await site.pre({ job: 'linux', spec: { grade: 'crash' } });

  expect(grades(result)).toEqual([
    { grade: 'crash', reasons: [expect.stringMatching(/released its writes by itself/)] },
  ]);
  await site.post('linux');
});

test('a file system that somebody else thawed inside the window lowers the grade to crash', async () => {
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    nth: 1,
    action: { do: 'call', run: () => void site.lab.linuxGuest.foreignThaw('/srv/ledger') },
  });
  const result = await site.pre({ job: 'linux', spec: { grade: 'crash' } });

  expect(grades(result)).toEqual([{ grade: 'crash', reasons: [expect.stringMatching(/by itself/)] }]);
  await site.post('linux');
});

test('a file system that somebody else holds frozen is refused, and stays as it was', async () => {
  // Its application stands still by that alone, so no script could make it quiet.
  site.lab.linuxGuest.knobs.scripts = [];
  expect(await site.lab.linuxGuest.foreignFreeze('/srv/ledger')).toBe(0);
  try {
    const error = await site.failingPre({ job: 'linux', spec: lower });

    expect(error).toMatchObject({
      code: 'E_FREEZE_FAILED',
      message: expect.stringMatching(/"\/srv\/ledger"/),
      hint: expect.stringMatching(/Somebody else/),
    });
    expect(site.lab.isFrozen()).toBe(true);
  } finally {
    expect(site.lab.linuxGuest.foreignThaw('/srv/ledger')).toBe(0);
  }
});

test('a script that fails stops the run before anything is frozen, in its own words, and the others are told', async () => {
  site.lab.linuxGuest.knobs.scripts = [...healthyScripts, script(3, 'the database is in recovery\n')];
  const freezesBefore = linuxEffects('Freeze').length;

  const error = await site.failingPre({ job: 'linux' });

  expect(error).toMatchObject({ code: 'E_GUEST', message: expect.stringMatching(/20-other.*in recovery/) });
  expect(linuxEffects('Freeze')).toHaveLength(freezesBefore);
});

test('a connection that breaks inside the window costs the grade, not the thaw', async () => {
  site.lab.faults.add({
    system: 'guest',
    operation: 'release',
    object: 'pg01',
    when: 'before',
    nth: 1,
    action: { do: 'drop' },
  });
  const result = await site.pre({ job: 'linux', spec: { grade: 'crash' } });

  expect(grades(result).map(({ grade }) => grade)).toEqual(['crash']);
  await site.post('linux');
});

test('a helper that hangs after the freeze is released by its record, over another connection', async () => {
  site.lab.faults.add({
    system: 'guest',
    operation: 'freeze',
    object: 'pg01',
    when: 'after',
    action: {
      do: 'call',
      run: () => {
        site.lab.linuxGuest.knobs.silent = true;
      },
    },
  });
  const result = await site.pre({ job: 'linux', spec: { grade: 'crash' } });

  expect(grades(result)).toEqual([{ grade: 'crash', reasons: [expect.stringMatching(/did not tell how the freeze/)] }]);
  await site.post('linux');
});

test('post ends the session that a killed pre left in a Linux guest which did not notice', async () => {
  const killed = runPre('linux', (child) =>
    site.lab.faults.add({
      system: 'array',
      operation: 'POST private/snapshot',
      when: 'before',
      nth: 1,
      action: {
        do: 'call',
        run: () => {
          site.lab.linuxGuest.knobs.silent = true;
          child.kill('SIGKILL');
        },
      },
    }),
  );
  await killed;
  expect(site.lab.isFrozen()).toBe(true);
  expect(site.lab.linuxGuest.sessionCount()).toBe(1);

  await site.post('linux');

  expect(site.leftBehind()).toEqual([]);
});
