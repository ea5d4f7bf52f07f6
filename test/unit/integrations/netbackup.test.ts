import type { InstallRequest } from '../../../integrations/contract.ts';
import { netBackup, netBackupOn } from '../../../integrations/netbackup/integration.ts';
import { netBackupServer } from '../../../integrations/netbackup/server-notify.ts';
import { describeIntegration } from '../../contract/integration.ts';

const WORDS = ['proxy01', 'vm-files', 'Daily', 'INCR'];
const ENV = { BACKUPID: 'proxy01_1795651200', UNIXBACKUPTIME: '1795651200', STREAM_NUMBER: '0', STREAM_COUNT: '1' };
const STREAM = { ...ENV, STREAM_NUMBER: '2', STREAM_COUNT: '4', STREAM_PID: '4242', RESTARTED: '0' };
const OF_POLICY = { job: 'vm-files', instance: 'proxy01', level: 'incremental' };
const SETTINGS = { policy: 'vm-files', schedule: '', limitSeconds: '300', folder: '' };

describe('client', () => {
  describeIntegration(
    netBackup,
    [
      {
        title: 'bpstart_notify of a backup that is one stream',
        call: { phase: 'pre', words: WORDS, env: ENV },
        means: { phase: 'pre', ...OF_POLICY, runId: 'proxy01_1795651200' },
      },
      {
        title: 'bpstart_notify of one of four streams, each of which has an id of its own',
        call: { phase: 'pre', words: WORDS, env: STREAM },
        means: { phase: 'pre', ...OF_POLICY, runId: undefined, member: { name: '2', of: 4 } },
      },
      {
        title: 'a stream that is started again comes alone',
        call: { phase: 'pre', words: WORDS, env: { ...STREAM, RESTARTED: '1' } },
        means: { phase: 'pre', ...OF_POLICY, runId: undefined, member: { name: '2' } },
      },
      {
        title: 'bpend_notify of a stream that has sent everything, which the server need not have stored',
        call: { phase: 'post', words: [...WORDS, '0'], env: STREAM },
        means: { phase: 'post', ...OF_POLICY, runId: undefined, member: { name: '2', of: 4 }, outcome: 'unknown' },
      },
      {
        title: 'bpend_notify of a stream that lacks files',
        call: { phase: 'post', words: [...WORDS, '1'], env: STREAM },
        means: { phase: 'post', ...OF_POLICY, runId: undefined, member: { name: '2', of: 4 }, outcome: 'warning' },
      },
      {
        title: 'words that are empty, and numbers of streams that are none',
        call: { phase: 'post', words: ['', '', '', '', ''], env: { STREAM_NUMBER: '%p', STREAM_COUNT: '4' } },
        means: {
          phase: 'post',
          job: undefined,
          instance: undefined,
          runId: undefined,
          level: undefined,
          outcome: 'unknown',
        },
      },
    ],
    SETTINGS,
  );

  test.each([
    [
      'pre',
      ['proxy01', 'vm-files', 'Full week', 'FULL', '0', String.raw`C:\Temp\nb 1.res`],
      { level: 'full', resultFile: String.raw`C:\Temp\nb 1.res` },
    ],
    [
      'post',
      ['proxy01', 'vm-files', 'Full', 'CINC', '150', 'C:\\r', 'surplus'],
      { level: 'differential', outcome: 'cancelled', resultFile: 'C:\\r' },
    ],
  ] as const)(
    'on Windows the sixth word of a %s hook names the file for the result, and on UNIX nothing',
    (phase, words, means) => {
      const call = { phase, words, env: {} };

      expect(netBackupOn('win32').read(call)).toEqual({ phase, ...OF_POLICY, runId: undefined, ...means });
      expect(netBackupOn('linux').read(call)).not.toHaveProperty('resultFile');
    },
  );

  test('a job that cmd.exe would read in another code page is refused', () => {
    expect(() => install({ system: 'windows', job: 'nächtlich' })).toThrow(
      expect.objectContaining({ code: 'E_USAGE' }),
    );
  });

  const install = (change: Partial<InstallRequest>) =>
    netBackup.installation.items({
      job: 'nightly-sql',
      program: '/usr/bin/snaphook',
      system: 'linux',
      configFile: undefined,
      settings: SETTINGS,
      ...change,
    });

  test('on UNIX stdout stays empty whatever happens, and others may run the file', () => {
    expect(install({ settings: { ...SETTINGS, schedule: 'Daily' } })[0]).toEqual({
      kind: 'file',
      path: '/usr/openv/netbackup/bin/bpstart_notify.vm-files.Daily',
      mode: 0o755,
      owner: 'root',
      content:
        '#!/bin/sh\nexec /usr/bin/snaphook hook pre --integration=netbackup --job=nightly-sql --limit-seconds=300 -- "$@" </dev/null >/dev/null\n',
    });
  });

  test('on Windows the result file says failed before the hook begins, as without it NetBackup sees a success', () => {
    expect(install({ system: 'windows', program: String.raw`C:\snap hook\snaphook.exe` })[1]).toMatchObject({
      path: String.raw`C:\Program Files\Veritas\NetBackup\bin\bpend_notify.vm-files.bat`,
      content: [
        '@echo off',
        '>"%~6" echo 1',
        String.raw`"C:\snap hook\snaphook.exe" hook post "--integration=netbackup" "--job=nightly-sql" "--limit-seconds=300" -- %*`,
        'exit /b %ERRORLEVEL%',
        '',
      ].join('\r\n'),
    });
  });

  test('on Windows, where nothing tells streams apart, one stream is asked for', () => {
    const steps = (system: 'linux' | 'windows') =>
      install({ system }).filter((item) => item.kind === 'step' && item.text.includes('Allow multiple data streams'));

    expect([steps('windows').length, steps('linux').length]).toEqual([1, 0]);
  });

  test('a name that NetBackup does not take is refused', () => {
    for (const policy of ['', 'a b', '../x', 'ü']) {
      expect(() => install({ settings: { ...SETTINGS, policy } })).toThrow(
        expect.objectContaining({ code: 'E_USAGE' }),
      );
    }
  });
});

describe('primary server', () => {
  const call = (...words: readonly string[]) => ({ words });
  describeIntegration(
    netBackupServer,
    [
      {
        title: 'the parent of several streams begins',
        call: call('parent_start_notify', ...WORDS, '0', '-1'),
        means: { phase: 'pre', ...OF_POLICY },
      },
      {
        title: 'the parent ends',
        call: call('parent_end_notify', ...WORDS, '0', '-1', '1'),
        means: { phase: 'post', ...OF_POLICY, outcome: 'ok' },
      },
      {
        title: 'a backup that will be tried again has not ended',
        call: call('backup_exit_notify', ...WORDS, '13', '0', '0'),
        means: { phase: 'none', ...OF_POLICY },
      },
      {
        title: 'a stream of several is not the whole',
        call: call('backup_exit_notify', ...WORDS, '0', '3', '1'),
        means: { phase: 'none', ...OF_POLICY },
      },
      {
        title: 'a backup that is given up has ended',
        call: call('backup_exit_notify', ...WORDS, '13', '0', '1'),
        means: { phase: 'post', ...OF_POLICY, outcome: 'failed' },
      },
      {
        title: 'a session begins',
        call: call('session_start_notify'),
        means: { phase: 'none', job: undefined, instance: undefined, level: undefined },
      },
      {
        title: 'a session ends',
        call: call('session_notify'),
        means: { phase: 'post', job: undefined, instance: undefined, level: undefined, outcome: 'unknown' },
      },
    ],
    { policy: 'vm-files' },
  );

  test('another script is refused', () => {
    expect(() => netBackupServer.read({ phase: undefined, words: ['diskfull_notify'], env: {} })).toThrow(
      /"diskfull_notify"/,
    );
  });

  test('lines for the scripts, which all policies share, look at the policy', () => {
    const [line] = netBackupServer.installation.items({
      job: 'nightly-sql',
      program: '/usr/bin/snaphook',
      system: 'linux',
      configFile: undefined,
      settings: { policy: 'vm-files' },
    });

    expect(line).toEqual({
      kind: 'lines',
      where: 'parent_start_notify on the primary server',
      text: '[ "$2" = vm-files ] && /usr/bin/snaphook hook --integration=netbackup-server --job=nightly-sql -- parent_start_notify "$@"\n',
    });
  });
});
