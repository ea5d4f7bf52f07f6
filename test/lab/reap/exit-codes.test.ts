import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { openSite, type Site } from '../main-job/site.ts';
import { crashPre, loseState } from './crashed-site.ts';

const PROGRAM = path.join(__dirname, '../../../dist/snaphook.cjs');

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

function runReap(...args: readonly string[]): Promise<{ readonly exitCode: number | null; readonly stdout: string }> {
  const child = spawn(process.execPath, [PROGRAM, 'reap', '--config', site.lab.configFile, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  return new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, stdout })));
}

test('0 where nothing is, 20 while something of ours is found or cannot be removed, 0 for what is kept or removed', async () => {
  expect(await runReap()).toEqual({ exitCode: 0, stdout: 'nothing was left behind\n' });
  await crashPre(site.lab, 'nightly', { operation: 'PUT private/snapshot Link', when: 'after' });
  expect((await runReap()).exitCode).toBe(20);
  loseState(site.lab);

  const young = await runReap('--json');
  expect([young.exitCode, JSON.parse(young.stdout)]).toMatchObject([
    0,
    {
      schema: 'snaphook/reap',
      ok: true,
      applied: false,
      findings: [{ did: 'kept', finding: { kind: 'waiting-snapshot' } }],
    },
  ]);
  const look = await runReap('--older-than', '0');
  expect(look.exitCode).toBe(20);
  expect(look.stdout).toMatch(/orphan-snapshot.*found.*mark in the name.*\nNothing was changed/s);
  const allow = site.lab.faults.add({
    system: 'array',
    operation: 'DELETE private/snapshot',
    when: 'before',
    action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'The operation is not permitted now' }) },
  });
  const failed = await runReap('--apply', '--older-than', '0', '--json');
  allow();
  expect([failed.exitCode, JSON.parse(failed.stdout)]).toMatchObject([
    20,
    { ok: false, applied: true, findings: [{ did: 'failed', error: expect.stringMatching(/not permitted/) }] },
  ]);
  expect((await runReap('--apply', '--older-than', '0')).exitCode).toBe(0);
  expect(site.lab.store.devices().filter((device) => device.isSource || device.isTarget)).toEqual([]);
}, 120_000);

test.each(['-1', 'soon'])('"--older-than %s" is a usage error', (hours) => {
  const { status } = spawnSync(process.execPath, [
    PROGRAM,
    'reap',
    '--config',
    site.lab.configFile,
    '--older-than',
    hours,
  ]);

  expect(status).toBe(2);
});
