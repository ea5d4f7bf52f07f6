import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { urbackup } from '../../../integrations/urbackup/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const settings = { directory: '/backup/sql' };
const GUID = '3e1f0c9a5b7d4e2f8a6b1c0d9e8f7a6b';

describeIntegration(
  urbackup,
  [
    {
      title: 'create_filesystem_snapshot',
      call: { phase: 'pre', words: [GUID, '/backup', 'sql', '/backup/sql'] },
      means: { phase: 'pre', runId: GUID, answer: 'SNAPSHOT=/backup\n' },
    },
    {
      title: 'the same of a further client, with odd names',
      call: { phase: 'pre', words: [GUID, '/mnt/Täglich "a b"', 'x', '/mnt/Täglich "a b"/%p', 'client[sub]'] },
      means: { phase: 'pre', runId: GUID, answer: 'SNAPSHOT=/mnt/Täglich "a b"\n' },
    },
    {
      title: 'remove_filesystem_snapshot',
      call: { phase: 'post', words: [GUID, '/backup'] },
      means: { phase: 'post', runId: GUID },
    },
    {
      title: 'prefilebackup, full',
      call: { phase: 'pre', words: ['0', 'server-token', '0'] },
      means: { phase: 'pre', level: 'full', instance: 'server-token' },
    },
    {
      title: 'prefilebackup, incremental',
      call: { phase: 'pre', words: ['1', 'server-token', '0'] },
      means: { phase: 'pre', level: 'incremental', instance: 'server-token' },
    },
    { title: 'postfilebackup', call: { phase: 'post', words: ['0', ''] }, means: { phase: 'post' } },
    { title: 'no words', call: { phase: 'post' }, means: { phase: 'post' } },
  ],
  settings,
);

test('a snapshot of nothing is refused', () => {
  expect(() => urbackup.read({ phase: 'pre', words: [GUID], env: {} })).toThrow(
    expect.objectContaining({ code: 'E_USAGE' }),
  );
});

/** The script that is installed to create a snapshot. */
function createScript(folder: string, program: string, directory: string): string {
  const [create] = urbackup.installation.items({
    job: 'nightly-sql',
    program,
    system: 'linux',
    configFile: undefined,
    settings: { directory },
  });
  const script = path.join(folder, 'create');
  writeFileSync(script, create?.kind === 'file' ? create.content : '');
  return script;
}

test('a hand-over directory or a mount point that is not there is a failure, not a path without a snapshot', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-urbackup-'));
  const called = (directory: string, mountPoint: string) => {
    const { status, stdout } = spawnSync('/bin/sh', [createScript(folder, '/bin/echo', directory), GUID, mountPoint], {
      encoding: 'utf8',
    });
    return [status, stdout];
  };

  expect(called(path.join(folder, 'missing'), '/proc')).toEqual([1, '']);
  expect(called(folder, path.join(folder, 'missing'))).toEqual([1, '']);
});

test('the hook is called for the file system of the hand-over directory, and no snapshot is made of others', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-urbackup-'));
  const program = path.join(folder, 'snaphook');
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@"\n`);
  chmodSync(program, 0o755);
  const script = createScript(folder, program, folder);
  const called = (mountPoint: string) =>
    execFileSync('/bin/sh', [script, GUID, mountPoint, 'a b', '/x'], { encoding: 'utf8' }).split('\n');

  expect(called('/proc')).toEqual(['SNAPSHOT=none', '']);
  expect(called(path.dirname(folder))).toEqual([
    'hook',
    'pre',
    '--integration=urbackup',
    '--job=nightly-sql',
    '--',
    GUID,
    path.dirname(folder),
    'a b',
    '/x',
    '',
  ]);
});
