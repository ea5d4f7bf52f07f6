import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { bareos } from '../../../integrations/bareos/integration.ts';
import { borgmatic } from '../../../integrations/borgmatic/integration.ts';
import type { InstallItem, Integration } from '../../../integrations/contract.ts';
import { duplicati } from '../../../integrations/duplicati/integration.ts';
import { kopia } from '../../../integrations/kopia/integration.ts';
import { resticprofile } from '../../../integrations/resticprofile/integration.ts';
import { urbackup } from '../../../integrations/urbackup/integration.ts';
import { vzdump } from '../../../integrations/vzdump/integration.ts';
import { readCommand } from '../../unit/integrations/bacula-words.ts';
import { hold, start } from '../impatient-products/product.ts';
import { openSite, type Site } from '../main-job/site.ts';
import { snaphookIn, startShellingProduct, writeFilesBelow } from './stand-in.ts';

/** Callers as products are known to be, with what is installed for each: words, variables, working directory, pipes, and their end. */
const JOB = 'presented';
const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-callers-'));

let site: Site;
let directory: string;
beforeAll(async () => {
  site = await openSite({ estate: { disks: 1 } });
  directory = path.join(site.lab.directory, 'export', JOB);
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
});

const installed = ({ installation }: Integration, settings: Readonly<Record<string, string>> = {}) =>
  installation.items({
    job: JOB,
    program: snaphookIn(folder),
    system: 'linux',
    configFile: site.lab.configFile,
    settings,
  });
const textOf = (item: InstallItem | undefined): string => (item?.kind === 'lines' ? item.text : '');
const isHandedOver = () => existsSync(path.join(directory, 'snaphook-manifest.json'));

function failTheLink(): void {
  site.lab.faults.add({
    system: 'array',
    operation: 'PUT private/snapshot Link',
    when: 'before',
    action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'Something odd happened' }) },
  });
}

describe('Kopia', () => {
  const action = (script: string, name: string, more: Readonly<Record<string, string>> = {}) =>
    start([script], {
      cwd: mkdtempSync(path.join(folder, 'kopia-')),
      env: {
        KOPIA_ACTION: name,
        KOPIA_SNAPSHOT_ID: '0b1f6e2a9c3d4e5f',
        KOPIA_SOURCE_PATH: '/vm/sql01',
        KOPIA_SNAPSHOT_PATH: '/vm/sql01',
        KOPIA_VERSION: '0.17.0',
        ...more,
      },
    });

  test('it is told the folder to read in one line; one that was killed at its limit is cleaned up by the next', async () => {
    const [script = ''] = writeFilesBelow(folder, installed(kopia, { source: '/vm/sql01', limitSeconds: '600' }));
    const held = hold(site.lab, { system: 'array', operation: 'PUT private/snapshot Link', when: 'after' });
    const late = action(script, 'before-snapshot-root', { KOPIA_SNAPSHOT_ID: 'ffffffffffffffff' });
    await held.reached;
    late.child.kill('SIGKILL');
    await late.ended;
    held.letGo();

    const before = await action(script, 'before-snapshot-root').ended;

    expect([before.exitCode, before.stdout]).toEqual([0, `KOPIA_SNAPSHOT_PATH=${directory}\n`]);
    expect(isHandedOver()).toBe(true);
    const after = await action(script, 'after-snapshot-root', { KOPIA_SNAPSHOT_PATH: directory }).ended;
    expect([after.exitCode, after.stdout]).toEqual([0, '']);
  });
});

describe('Duplicati', () => {
  const call = async (event: string, more: Readonly<Record<string, string>> = {}) => {
    const [script = ''] = writeFilesBelow(folder, installed(duplicati, { limitSeconds: '600' }));
    const env = {
      PATH: process.env.PATH,
      SNAPHOOK_LOG: path.join(folder, 'duplicati.log'),
      DUPLICATI__EVENTNAME: event,
      DUPLICATI__OPERATIONNAME: 'Backup',
      DUPLICATI__LOCALPATH: directory,
      DUPLICATI__PARSED_RESULT: 'Unknown',
      ...more,
    };
    const { exitCode, stdout, stderr } = await start([script], { env }).ended;
    return { exitCode, stdout, stderr };
  };

  test('it is told the folder as an option, without a warning; a restore touches nothing', async () => {
    expect(await call('BEFORE')).toEqual({ exitCode: 0, stdout: `--localpath=${directory}\n`, stderr: '' });
    expect(await call('AFTER', { DUPLICATI__OPERATIONNAME: 'Restore' })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
    expect(isHandedOver()).toBe(true);
    expect(await call('AFTER', { DUPLICATI__PARSED_RESULT: 'Error' })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(readFileSync(path.join(folder, 'duplicati.log'), 'utf8')).toContain('outcome=failed');
  });

  test('a failure is an error that skips the backup (5), with the reason as the only line', async () => {
    failTheLink();

    const { exitCode, stdout, stderr } = await call('BEFORE');

    expect([exitCode, stdout]).toEqual([5, '']);
    expect(stderr).toMatch(/^snaphook: .*Something odd happened/);
    expect(stderr).not.toContain(' info ');
  });
});

describe('UrBackup', () => {
  /** By popen: a shell, and one pipe for both outputs. */
  const called = async (script: string, words: readonly string[]) => {
    const line = [script, ...words].map((word) => `'${word}'`).join(' ');
    const { exitCode, stdout } = await start(['/bin/sh', '-c', `${line} 2>&1`]).ended;
    return { exitCode, told: stdout.split('\n').filter((text) => text.startsWith('SNAPSHOT=')) };
  };

  test('its snapshot of the file system of the hand-over is that file system; of others it makes none', async () => {
    const [create = '', remove = ''] = writeFilesBelow(folder, installed(urbackup, { directory: site.lab.directory }));
    const mountPoint = execFileSync('stat', ['-c', '%m', site.lab.directory], { encoding: 'utf8' }).trim();
    const id = '3e1f0c9a5b7d4e2f8a6b1c0d9e8f7a6b';

    expect(await called(create, [id, '/proc', 'proc', '/proc'])).toEqual({ exitCode: 0, told: ['SNAPSHOT=none'] });
    expect(isHandedOver()).toBe(false);
    expect(await called(create, [id, mountPoint, 'sql', directory])).toEqual({
      exitCode: 0,
      told: [`SNAPSHOT=${mountPoint}`],
    });
    expect(isHandedOver()).toBe(true);
    expect(await called(remove, ['00000000000000000000000000000001', mountPoint])).toMatchObject({ exitCode: 0 });
    expect(isHandedOver()).toBe(true); // the snapshot of another backup
    expect(await called(remove, [id, mountPoint])).toEqual({ exitCode: 0, told: [] });
  });
});

describe('vzdump', () => {
  test('with an empty environment, the run lasts from the start of its job to the end', async () => {
    const [script = ''] = writeFilesBelow(folder, installed(vzdump));
    const phase = async (...words: readonly string[]) =>
      (await start([script, ...words], { env: { STOREID: 'backup' } }).ended).exitCode;

    expect(await phase('job-init')).toBe(0);
    expect(isHandedOver()).toBe(false);
    expect(await phase('job-start')).toBe(0);
    for (const word of ['backup-start', 'backup-end', 'log-end']) expect(await phase(word, 'snapshot', '101')).toBe(0);
    expect(isHandedOver()).toBe(true);
    expect(await phase('job-end')).toBe(0);
    expect(await phase('job-abort')).toBe(0);
  });
});

describe('resticprofile', () => {
  test('restic and later commands get variables that tell the folder; run-finally releases after a failure, too', async () => {
    const variables = path.join(folder, 'variables');
    const { backup } = parse(textOf(installed(resticprofile, { profile: 'sql' })[0])).sql;
    const product = startShellingProduct();

    const before = await product.run(backup['run-before'].replace('{{ env }}', variables), { PROFILE_NAME: 'sql' });

    expect(before.exitCode).toBe(0);
    expect(readFileSync(variables, 'utf8')).toBe(
      `SNAPHOOK_DIRECTORY=${directory}\nSNAPHOOK_MANIFEST=${directory}/snaphook-manifest.json\n`,
    );
    const finally_ = await product.run(backup['run-finally'], { PROFILE_NAME: 'sql', ERROR_EXIT_CODE: '1' });
    product.end();
    expect([finally_.exitCode, finally_.output]).toEqual([0, expect.stringContaining('outcome=failed')]);
  });
});

describe('Bareos', () => {
  /** The commands of its RunScripts, cut and with its codes as the Client does both. */
  const commands = (codes: Readonly<Record<string, string>>) =>
    [...textOf(installed(bareos)[0]).matchAll(/Command = (".*")$/gm)].map(([, written = '']) =>
      readCommand(written).map((word) => word.replace(/%(\w)/g, (code, letter: string) => codes[letter] ?? code)),
    );
  const codes = { i: '28', n: 'VMs', l: 'Incremental', c: 'proxy-fd', D: 'bareos-dir', e: 'Canceled' };
  const call = async (command: readonly string[] = []) => (await start(command, { env: {} }).ended).exitCode;

  test('its Client hands over before the backup and releases after one that was cancelled; the Director tries a job again with its id', async () => {
    const [before, after] = commands(codes);

    expect(await call(before)).toBe(0);
    expect(await call(before)).toBe(0);
    expect(isHandedOver()).toBe(true);
    expect(await call(after)).toBe(0);
    expect(isHandedOver()).toBe(false);
    expect(await call(after)).toBe(0);
  });

  test('a pre hook that fails is a failure of the job, and nothing is left', async () => {
    failTheLink();

    expect(await call(commands(codes)[0])).toBeGreaterThan(0);
    expect(isHandedOver()).toBe(false);
  });
});

describe('borgmatic 2', () => {
  test('one that begins beside another fails, and its commands after leave what the other reads alone', async () => {
    const { commands } = parse(textOf(installed(borgmatic, { version: '2.0' })[0]));
    const [before, after] = commands.map((each: { run: readonly string[] }) => each.run[0]);
    const [one, other] = [startShellingProduct(), startShellingProduct()];

    expect((await one.run(before)).exitCode).toBe(0);
    expect((await other.run(before)).exitCode).toBe(1);
    expect((await other.run(after)).exitCode).toBe(0);
    expect(isHandedOver()).toBe(true);
    expect((await one.run(after)).exitCode).toBe(0);
    expect(isHandedOver()).toBe(false);
    one.end();
    other.end();
  });
});
