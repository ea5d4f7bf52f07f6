import { execFileSync } from 'node:child_process';
import { backuppc } from '../../../integrations/backuppc/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';
import { installedFiles, shellRunsScript, visudoAccepts } from './installed.ts';

const settings = { directory: '/backup/staging/sql' };

describeIntegration(
  backuppc,
  [
    {
      title: 'before a full backup',
      call: { words: ['pre', 'type=full', 'client=proxy1'] },
      means: { phase: 'pre', instance: 'proxy1', level: 'full' },
    },
    {
      title: 'before an incremental one',
      call: { words: ['pre', 'type=incr', 'client=proxy1'] },
      means: { phase: 'pre', instance: 'proxy1', level: 'incremental' },
    },
    {
      title: 'after a backup that succeeded',
      call: { words: ['post', 'type=full', 'client=proxy1', 'ok=1'] },
      means: { phase: 'post', instance: 'proxy1', level: 'full', outcome: 'ok' },
    },
    {
      title: 'after one that failed, whatever its type',
      call: { words: ['post', 'type=restore', 'client=proxy1', 'ok=0'] },
      means: { phase: 'post', instance: 'proxy1', level: 'restore', outcome: 'failed' },
    },
    {
      title: 'empty values, variables that were not put in, and words that were cut',
      call: { words: ['post', 'type=', 'client=$client', 'ok=$xferOK', '"a', 'b"', '', 'x=1=2'] },
      means: { phase: 'post', instance: '$client', level: undefined, outcome: 'unknown' },
    },
  ],
  settings,
);

test('a call that tells no phase is refused', () => {
  expect(() => backuppc.read({ phase: undefined, words: ['DumpPreUserCmd'], env: {} })).toThrow(/"DumpPreUserCmd"/);
});

test.each(['nightly-sql', "Täglich / it's $(reboot) %p"])(
  'job %j: the scripts pass it, and stand in one rule of sudo',
  (job) => {
    const [hook, tar, sudoers] = installedFiles(backuppc, { job, settings });

    expect(shellRunsScript(hook.content, ['post', 'ok=1', '']).slice(1)).toEqual([
      'hook',
      '--integration=backuppc',
      `--job=${job}`,
      '--',
      'post',
      'ok=1',
      '',
    ]);
    expect(sudoers).toMatchObject({ mode: 0o440, owner: 'root' });
    expect(sudoers?.content).toBe(
      [hook, tar].map((script) => `backuppc ALL=(root) NOPASSWD: ${script.path}\n`).join(''),
    );
    expect(visudoAccepts(sudoers?.content ?? '')).toBe(true);
  },
);

test("BackupPC's tar takes a date and nothing that tar could read as an option", () => {
  const [, tar] = installedFiles(backuppc, { settings: { directory: "/backup/it's here" } });
  const called = (...words: readonly string[]) =>
    shellRunsScript(tar.content.replace('exec tar', `exec printf '%s\\n'`), words);

  const always = ['-c', '-v', '-f', '-', '--totals', '-C', "/backup/it's here"];
  expect(called()).toEqual([...always, '.']);
  expect(called('2026-11-22 15:24:35')).toEqual([...always, '--newer=2026-11-22 15:24:35', '.']);
  expect(called('--checkpoint-action=exec=id')).toEqual([...always, '--newer=--checkpoint-action=exec=id', '.']);
  expect(() => called('2026-11-22', '--checkpoint=1')).toThrow(/usage/);
});

test('the lines for its configuration are Perl that gives the words back', () => {
  const directory = "/backup/it's \\here $x @y";
  const lines = backuppc.installation
    .items({ job: 'j', program: '/p', system: 'linux', configFile: undefined, settings: { directory } })
    .flatMap((item) => (item.kind === 'lines' ? [item.text] : []));
  const script = `our %Conf; ${lines.join('\n')}; print join("\\n", @Conf{qw(DumpPostUserCmd UserCmdCheckStatus TarIncrArgs)}, @{$Conf{TarShareName}})`;

  expect(execFileSync('perl', ['-e', script], { encoding: 'utf8' }).split('\n')).toEqual([
    '/etc/snaphook/hooks/backuppc-j post type=$type client=$client ok=$xferOK',
    '1',
    '$incrDate',
    directory,
  ]);
});

test.each([
  [{ ...settings, folder: '/opt/my scripts' }, /folder "\/opt\/my scripts".*cuts its commands at spaces/],
  [{ ...settings, folder: '/opt/$type' }, /variables in for `\$`/],
  [{ ...settings, user: '%admin' }, /user "%admin"/],
  [{ directory: 'staging/sql' }, /directory "staging\/sql" is not an absolute path/],
  [{ directory: '' }, /directory "" is not an absolute path/],
])('%j is refused, with the reason', (unfit, message) => {
  expect(() => installedFiles(backuppc, { settings: unfit })).toThrow(message);
});
