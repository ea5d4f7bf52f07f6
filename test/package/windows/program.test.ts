import { spawn } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leftBehind } from '../../crash/killed-run.ts';
import { openSite, type Site } from '../../lab/main-job/site.ts';
import { type Ended, RELEASE } from '../release.ts';

let site: Site;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'windows-'));
  for (const name of ['snaphook', 'pre-backup', 'post-backup'])
    copyFileSync(path.join(RELEASE, 'snaphook.exe'), path.join(folder, `${name}.exe`));
  site = await openSite();
});
afterAll(() => site.close());

/** Runs a program under Wine. Its output goes to files: Wine gives Node no pipes of Linux. */
async function underWine(program: string, ...words: readonly string[]): Promise<Ended> {
  const files = ['stdout', 'stderr'].map((name) => path.join(folder, name));
  const outputs = files.map((file) => openSync(file, 'w'));
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const child = spawn('wine', [`${program}.exe`, ...words], { cwd: folder, env, stdio: ['ignore', ...outputs] });
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
  for (const output of outputs) closeSync(output);
  const [stdout = '', stderr = ''] = files.map((file) => readFileSync(file, 'utf8'));
  return { exitCode, stdout, stderr };
}

const job = () => ['--job', 'nightly', '--config', `Z:${site.lab.configFile.replaceAll('/', '\\')}`, '--json'];

test('snaphook.exe says its version and its verbs', async () => {
  expect(await underWine('snaphook', '--version')).toEqual({ exitCode: 0, stdout: `${__VERSION__}\n`, stderr: '' });
  expect((await underWine('snaphook', '--help')).stdout).toContain('snaphook plan');
});

test('a copy by the name of a hook is the hook, and its exit code says what is wrong', async () => {
  expect((await underWine('pre-backup', '--help')).stdout).toContain('Usage: pre-backup --job NAME');
  expect((await underWine('pre-backup')).exitCode).toBe(2);
  const withoutConfig = await underWine('post-backup', '--job', 'nightly', '--config', 'C:\\nonexistent.yaml');
  expect(withoutConfig.exitCode).toBe(10);
});

test('plan, pre and post work against the lab, and nothing is left', async () => {
  expect(await underWine('snaphook', 'plan', ...job())).toMatchObject({ exitCode: 0 });
  const pre = await underWine('pre-backup', ...job());
  expect(pre).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(pre.stdout)).toMatchObject({ ok: true, vms: [{ name: 'sql01', grade: 'application' }] });
  const post = await underWine('post-backup', ...job());
  expect(post).toMatchObject({ exitCode: 0 });
  expect(leftBehind(site.lab)).toEqual([]);
});
