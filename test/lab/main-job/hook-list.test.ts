import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { RunJournal } from '../../../src/job/journal.ts';
import { openSite, type Site } from './site.ts';

const SNAPHOOK = path.join(__dirname, '../../../dist/snaphook.cjs');

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

/** As Bacula calls it. */
function hook(phase: 'pre' | 'post' | 'list', ...words: readonly string[]) {
  const { configFile, directory } = site.lab;
  const options = ['--integration', 'bacula', '--config', configFile, '--log', path.join(directory, 'hook.log')];
  const child = spawn(process.execPath, [SNAPHOOK, 'hook', phase, ...options, '--', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  return new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr })));
}

const list = (jobId: number) => hook('list', '--name=nightly', `--jobid=${jobId}`);

test('a run whose release has begun is not listed, although all of it is there', async () => {
  expect(await hook('pre', '--name=nightly', '--jobid=6')).toMatchObject({ exitCode: 0 });
  expect(await list(6)).toMatchObject({ exitCode: 0 });
  await site.withPorts(async ({ journals, clock }) => {
    const [open] = await journals.openRuns('nightly');
    const journal = await RunJournal.load(await journals.open(open?.runId ?? ''), clock);
    await journal.append({ kind: 'undoing', data: { step: 'export' } });
  });

  expect(await list(6)).toEqual({ exitCode: 75, stdout: '', stderr: '' });
  expect(await hook('post', '--name=nightly', '--jobid=6')).toMatchObject({ exitCode: 0 });
  expect(site.leftBehind()).toEqual([]);
});

test('a list has what is handed over to that run of the product, and fails when it is not there; nothing goes to stderr', async () => {
  const exported = path.join(site.lab.directory, 'export/nightly');
  expect(await list(7)).toEqual({ exitCode: 75, stdout: '', stderr: '' });
  expect(await hook('pre', '--name=nightly', '--jobid=7', '--level=Full')).toMatchObject({ exitCode: 0 });
  const images = readdirSync(path.join(exported, 'sql01')).map((name) => path.join(exported, 'sql01', name));
  const manifest = path.join(exported, 'snaphook-manifest.json');

  expect(images).toHaveLength(2);
  expect(await list(7)).toEqual({ exitCode: 0, stdout: `${[...images, manifest].join('\n')}\n`, stderr: '' });
  expect(await list(8)).toEqual({ exitCode: 75, stdout: '', stderr: '' });
  truncateSync(images[1] ?? '', 0);
  expect(await list(7)).toEqual({ exitCode: 18, stdout: '', stderr: '' });
  rmSync(images[1] ?? '');
  expect(await list(7)).toEqual({ exitCode: 18, stdout: '', stderr: '' });
  expect(readFileSync(path.join(site.lab.directory, 'hook.log'), 'utf8')).toMatch(/cannot be listed: it is empty/);
  expect(await hook('post', '--name=nightly', '--jobid=7')).toMatchObject({ exitCode: 0 });
  expect(site.leftBehind()).toEqual([]);
});

test('a job is found by the name that the product writes, when one name alone fits', async () => {
  const config = parse(readFileSync(site.lab.configFile, 'utf8'));
  for (const name of ['two words', 'a b c', 'a b_c']) config.jobs[name] = config.jobs.nightly;
  writeFileSync(site.lab.configFile, stringify(config));

  expect(await hook('post', '--name=two_words')).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('job "two words" has no open run'),
  });
  expect(await hook('post', '--name=a_b_c')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('may be each of the jobs "a b c", "a b_c"'),
  });
});
