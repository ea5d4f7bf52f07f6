import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { LIMIT_MARGIN_MS } from '../../../hooks/hook-work.ts';
import { askWindows, readProc } from '../../../integrations/veeam/ancestors.ts';
import { veeam, veeamWith } from '../../../integrations/veeam/integration.ts';
import { veeamAgent } from '../../../integrations/veeam-agent/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const JOB = 'a3b0c4d5-0000-4111-8222-333344445555';
const SESSION = 'F00DCAFE-1111-4222-8333-444455556666';
const MANAGER = `"C:\\Program Files\\Veeam\\Backup and Replication\\Backup\\Veeam.Backup.Manager.exe" "startbackupjob" "owner=[vbsvc]" "Normal" "${JOB}" "${SESSION}"`;
const SHELL = String.raw`C:\Windows\system32\cmd.exe /c ""C:\Program Files\snaphook\hooks\veeam-pre-x.bat""`;
const SETTINGS = { limitSeconds: '600' };
const NOBODY = { job: undefined, runId: undefined };

describe('job scripts', () => {
  describeIntegration(
    veeam,
    [
      { title: 'called by hand', call: { phase: 'pre' }, means: { phase: 'pre', ...NOBODY } },
      {
        title: 'words that somebody typed change nothing',
        call: { phase: 'post', words: ['%p', '', 'ü'] },
        means: { phase: 'post', job: undefined },
      },
    ],
    SETTINGS,
  );

  test.each([
    ['called by the manager itself', [MANAGER]],
    ['called through a shell', [SHELL, MANAGER]],
    ['called through two', [SHELL, 'powershell.exe -File x.ps1', MANAGER, 'services.exe']],
  ])('%s, job and session are those in its command line', (_how, ancestors) => {
    const read = (phase: 'pre' | 'post') => veeamWith(() => ancestors).read({ phase, words: [], env: {} });

    expect(read('pre')).toEqual({ phase: 'pre', job: JOB, runId: SESSION.toLowerCase() });
    expect(read('post')).toEqual({ phase: 'post', job: JOB });
  });

  test.each([
    ['of another program', `"C:\\other.exe" "${JOB}" "${SESSION}"`],
    ['with one id alone', `"Veeam.Backup.Manager.exe" "${JOB}"`],
    ['with no id', 'Veeam.Backup.Service.exe'],
  ])('a command line %s tells nothing', (_what, line) => {
    expect(veeamWith(() => [line]).read({ phase: 'pre', words: [], env: {} })).toEqual({ phase: 'pre', ...NOBODY });
  });

  test('Windows is asked once for all processes above, and a failing PowerShell tells nothing', () => {
    const asked: string[] = [];
    const answer = (script: string) => {
      asked.push(script);
      return `${SHELL} \r\n\r\n${MANAGER} \r\n`;
    };

    expect(askWindows(4242, answer)).toEqual([SHELL, MANAGER]);
    expect(asked).toEqual([
      expect.stringMatching(/\$id = 4242\n[\s\S]*Get-CimInstance Win32_Process[\s\S]*ParentProcessId/),
    ]);
    expect(
      askWindows(1, () => {
        throw new Error('not found');
      }),
    ).toEqual([]);
  });

  test('the look-up ends within the margin that the deadline of a hook leaves, with time to start and to end', () => {
    let limitMs = Number.NaN;
    askWindows(4242, (_script, limit) => {
      limitMs = limit;
      return '';
    });

    expect(limitMs).toBeLessThanOrEqual(LIMIT_MARGIN_MS - 1000);
  });

  test('on Linux the processes above are read, nearest first', async () => {
    const manager = spawn('/bin/sh', ['-c', 'read end', 'Veeam.Backup.Manager', JOB, SESSION], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await once(manager, 'spawn');
    const ancestors = readProc(manager.pid ?? 0, '/proc');
    manager.kill('SIGKILL');

    expect(ancestors.slice(0, 2)).toEqual([
      `/bin/sh -c read end Veeam.Backup.Manager ${JOB} ${SESSION}`,
      readProc(process.pid, '/proc')[0],
    ]);
    expect(readProc(process.pid, '/nonexistent')).toEqual([]);
  });

  test('on a server on Linux the scripts lie where Veeam takes them from', () => {
    const [pre] = veeam.installation.items({
      job: 'nightly-sql',
      program: '/usr/bin/snaphook',
      system: 'linux',
      configFile: undefined,
      settings: SETTINGS,
    });

    expect(pre).toMatchObject({ path: '/var/lib/veeam/scripts/veeam-pre-nightly-sql.sh', mode: 0o755 });
  });
});

describe('agent', () => {
  describeIntegration(
    veeamAgent,
    [
      { title: 'before the job', call: { phase: 'pre' }, means: { phase: 'pre' } },
      { title: 'after the job', call: { phase: 'post', words: ['x'] }, means: { phase: 'post' } },
    ],
    SETTINGS,
  );

  test.each([
    ['linux', '/etc/snaphook/hooks/veeam-agent-pre-nightly-sql.sh', '\n'],
    ['windows', String.raw`C:\Program Files\snaphook\hooks\veeam-agent-pre-nightly-sql.bat`, '\r\n'],
  ] as const)('the script on %s has the name and the line ends that the agent takes', (system, path, end) => {
    const [pre] = veeamAgent.installation.items({
      job: 'nightly-sql',
      program: 'snaphook',
      system,
      configFile: undefined,
      settings: SETTINGS,
    });
    const content = pre?.kind === 'file' ? pre.content : '';

    expect(pre).toMatchObject({ path });
    expect(
      content
        .split('\n')
        .slice(0, -1)
        .every((line) => `${line}\n`.endsWith(end)),
    ).toBe(true);
    expect(content.includes('\r')).toBe(system === 'windows');
  });
});
