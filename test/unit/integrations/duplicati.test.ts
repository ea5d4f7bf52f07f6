import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { InstallRequest } from '../../../integrations/contract.ts';
import { duplicati } from '../../../integrations/duplicati/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const settings = { limitSeconds: '1800' };
const env = {
  DUPLICATI__EVENTNAME: 'BEFORE',
  DUPLICATI__OPERATIONNAME: 'Backup',
  DUPLICATI__REMOTEURL: 'file:///srv/duplicati',
  DUPLICATI__LOCALPATH: '/backup/sql',
  DUPLICATI__PARSED_RESULT: 'Unknown',
  DUPLICATI__backup_name: 'Täglich "SQL" %p',
  DUPLICATI__FILTER: '',
};
const job = 'Täglich "SQL" %p';
const after = { ...env, DUPLICATI__EVENTNAME: 'AFTER' };
const ended = (parsed: string, outcome: 'ok' | 'warning' | 'failed' | 'unknown') => ({
  title: `after a backup that ended with ${parsed}`,
  call: { env: { ...after, DUPLICATI__PARSED_RESULT: parsed } },
  means: { phase: 'post', job, outcome } as const,
});

describeIntegration(
  duplicati,
  [
    { title: 'before a backup', call: { env }, means: { phase: 'pre', job } },
    ended('Success', 'ok'),
    ended('Warning', 'warning'),
    ended('Error', 'failed'),
    ended('Fatal', 'failed'),
    ended('Unknown', 'unknown'),
    ended('', 'unknown'),
    ended('toString', 'unknown'),
    {
      title: 'before a restore, which is nothing of ours',
      call: { env: { ...env, DUPLICATI__OPERATIONNAME: 'Restore' } },
      means: { phase: 'none' },
    },
    {
      title: 'before a backup that only pretends',
      call: { env: { ...env, DUPLICATI__dry_run: 'true' } },
      means: { phase: 'check', job },
    },
    { title: 'after it', call: { env: { ...after, DUPLICATI__dry_run: '' } }, means: { phase: 'none' } },
    {
      title: 'before one for which that is switched off, and that has no name',
      call: { env: { ...env, DUPLICATI__dry_run: 'False', DUPLICATI__backup_name: '' } },
      means: { phase: 'pre' },
    },
    {
      title: 'when all of it is over',
      call: { env: { ...env, DUPLICATI__EVENTNAME: 'POST-BACKUP' } },
      means: { phase: 'none' },
    },
  ],
  settings,
);

test('a call that Duplicati does not make is refused', () => {
  expect(() => duplicati.read({ phase: 'pre', words: [], env: {} })).toThrow(
    expect.objectContaining({ code: 'E_USAGE' }),
  );
});

test('what the pre hook prints is an option, but for a path that Duplicati would cut', () => {
  const { stdout } = duplicati;
  const printed = (directory: string) =>
    typeof stdout === 'function' && stdout({ directory, manifest: 'x', runId: 'x' }, { phase: 'pre' });

  expect(printed('/backup/my sql')).toBe('--localpath=/backup/my sql\n');
  expect(printed('/backup/a:b')).toBe('');
});

const request: InstallRequest = {
  job: 'nightly-sql',
  program: '/usr/bin/snaphook',
  system: 'linux',
  configFile: undefined,
  settings,
};

test('both scripts are the same file, and both sides have the same limit', () => {
  expect(duplicati.installation.items(request).slice(0, 3)).toMatchObject([
    { path: '/etc/snaphook/hooks/duplicati-nightly-sql', content: expect.stringContaining('--limit-seconds=1800') },
    {
      text: '--run-script-before-required=/etc/snaphook/hooks/duplicati-nightly-sql\n--run-script-after=/etc/snaphook/hooks/duplicati-nightly-sql\n--run-script-timeout=1800s\n',
    },
    { kind: 'step' },
  ]);
});

test.each([
  [0, 0],
  [1, 5],
  [2, 2],
  [5, 5],
])(
  'a program that ends with %d lets the script end with %d: never with 1, which skips a backup in silence',
  (own, told) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-duplicati-'));
    const program = path.join(folder, 'snaphook');
    writeFileSync(program, `#!/bin/sh\nexit ${own}\n`);
    chmodSync(program, 0o755);
    const [script] = duplicati.installation.items({ ...request, program });
    const file = path.join(folder, 'script');
    writeFileSync(file, script?.kind === 'file' ? script.content : '');

    const shown = execFileSync('/bin/sh', ['-c', `/bin/sh '${file}'; echo $?`], { encoding: 'utf8' });

    expect(shown).toBe(`${told}\n`);
  },
);

test('the file for Windows has its line ends', () => {
  const [script] = duplicati.installation.items({ ...request, system: 'windows', program: 'C:\\snaphook.exe' });

  expect(script).toMatchObject({
    path: 'C:\\Program Files\\snaphook\\hooks\\duplicati-nightly-sql.bat',
    content:
      '@echo off\r\nC:\\snaphook.exe hook "--integration=duplicati" "--job=nightly-sql" "--limit-seconds=1800"\r\nif %ERRORLEVEL% EQU 1 exit /b 5\r\nexit /b %ERRORLEVEL%\r\n',
  });
});
