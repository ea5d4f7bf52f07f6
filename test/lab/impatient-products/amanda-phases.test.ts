import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { openSite, type Site } from '../main-job/site.ts';
import { expectClean, start } from './product.ts';

const SNAPHOOK = path.join(__dirname, '../../../dist/snaphook.cjs');
const JOB = 'presented';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(async () => {
  site.lab.faults.clear();
  await expectClean(site);
});

/** A call as Amanda makes it, of the run with that time. */
function call(phase: string, timestamp: string, job = JOB) {
  const options = ['--integration', 'amanda', `--job=${job}`, `--config=${site.lab.configFile}`, `--log=${logFile()}`];
  const dle = ['--config', 'lab', '--host', 'localhost', '--disk', 'vm1', '--device', '/snaphook/vm1'];
  const words = [phase, '--execute-where', 'client', ...dle, '--timestamp', timestamp, '--level', '0'];
  const hook = ['hook', ...options, '--on-open-run', 'replace', '--', ...words];
  return start([process.execPath, SNAPHOOK, ...hook]).ended;
}

const logFile = () => path.join(site.lab.directory, 'amanda.log');
const exportDirectory = () => path.join(site.lab.directory, 'export', JOB);
const target = () => `PROPERTY target ${exportDirectory()}\n`;
const snapshots = () => site.leftBehind().filter((left) => left.startsWith('snapshot '));

test('estimate and backup of one run see one snapshot, of which stdout tells the place alone; a retry sees it too', async () => {
  expect(await call('PRE-DLE-ESTIMATE', '20261122152335')).toMatchObject({ exitCode: 0, stdout: target(), stderr: '' });
  const before = snapshots();
  expect(await call('POST-DLE-ESTIMATE', '20261122152335')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });

  for (let attempt = 0; attempt < 2; attempt += 1) {
    expect(await call('PRE-DLE-BACKUP', '20261122152335')).toMatchObject({ exitCode: 0, stdout: target(), stderr: '' });
    expect(snapshots()).toEqual(before);
  }

  expect(await call('POST-DLE-BACKUP', '20261122152335')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  expect(site.leftBehind()).toEqual([]);
  expect(await call('POST-DLE-BACKUP', '20261122152335')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
});

test('when what was handed over for the estimate is gone, the backup gets a snapshot of its own', async () => {
  await call('PRE-DLE-ESTIMATE', '20261122152336');
  const before = snapshots();
  const [image] = readdirSync(exportDirectory(), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.raw'),
  );
  rmSync(path.join(exportDirectory(), image ?? ''));

  expect(await call('PRE-DLE-BACKUP', '20261122152336')).toMatchObject({ exitCode: 0, stdout: target() });

  expect(snapshots()).toHaveLength(before.length);
  expect(snapshots()).not.toEqual(before);
  await call('POST-DLE-BACKUP', '20261122152336');
});

test('what an estimate left that no backup followed ends with the next run of Amanda', async () => {
  await call('PRE-DLE-ESTIMATE', '20261122152337');
  const before = snapshots();

  expect(await call('PRE-DLE-BACKUP', '20261123152337')).toMatchObject({ exitCode: 0, stdout: target() });

  expect(snapshots()).toHaveLength(before.length);
  expect(snapshots()).not.toEqual(before);
  await call('POST-DLE-BACKUP', '20261123152337');
});

test('amcheck is told the place, sees what is wrong, and changes nothing', async () => {
  expect(await call('PRE-DLE-AMCHECK', '')).toMatchObject({ exitCode: 0, stdout: target(), stderr: '' });
  expect(readFileSync(logFile(), 'utf8')).toContain('images of up to');
  expect(snapshots()).toEqual([]);

  const wrong = await call('PRE-DLE-AMCHECK', '', 'no such job');

  expect(wrong).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('no job "no such job"') });
});

test('a pre hook that fails says why in the first line of stderr, and there only', async () => {
  site.lab.faults.add({
    system: 'array',
    operation: /POST/,
    when: 'before',
    action: { do: 'answer', status: 500, body: '{}' },
  });

  const failed = await call('PRE-DLE-BACKUP', '20261122152338');

  expect(failed).toMatchObject({ stdout: '' });
  expect(failed.exitCode).toBeGreaterThan(0);
  expect(failed.stderr.split('\n')[0]).toMatch(/E_ARRAY/);
});
