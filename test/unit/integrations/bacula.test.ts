import { readFileSync } from 'node:fs';
import path from 'node:path';
import { bacula } from '../../../integrations/bacula/integration.ts';
import { bareos } from '../../../integrations/bareos/integration.ts';
import { describeIntegration, type RecordedCall } from '../../contract/integration.ts';
import { readCommand } from './bacula-words.ts';

const WORDS = ['--jobid=28', '--name=JobVM', '--level=Incremental', '--client=lab-fd', '--director=lab-dir'];
const told = { job: 'JobVM', instance: 'lab-dir/lab-fd', runId: '28', level: 'incremental' } as const;

/** As Bacula 9.6.7 and 15.0.3 replace the codes, on the Director and on the Client. */
const recorded: readonly RecordedCall[] = [
  { title: 'before, on the client', call: { phase: 'pre', words: WORDS }, means: { phase: 'pre', ...told } },
  {
    title: 'before, with a status that says nothing yet, and a job that compares',
    call: { phase: 'pre', words: [...WORDS, '--status=Created', '--accurate=yes'] },
    means: { phase: 'pre', ...told, incrementals: 'by-comparison' },
  },
  {
    title: 'a job that does not compare',
    call: { phase: 'pre', words: [...WORDS, '--accurate=no'] },
    means: { phase: 'pre', ...told, incrementals: 'by-time' },
  },
  ...(
    [
      ['OK', 'ok'],
      ['OK -- with warnings', 'warning'],
      ['Error', 'failed'],
      ['Fatal Error', 'failed'],
      ['Canceled', 'cancelled'],
      ['Unknown term code', 'unknown'],
      ['Something new', 'unknown'],
    ] as const
  ).map(([status, outcome]) => ({
    title: `after a backup that ended "${status}"`,
    call: { phase: 'post' as const, words: [...WORDS, `--status=${status}`] },
    means: { phase: 'post' as const, ...told, outcome },
  })),
  {
    title: 'a warning that was not quoted leaves words behind, and is no success',
    call: { phase: 'post', words: ['--status=OK', '--', 'with', 'warnings', ...WORDS] },
    means: { phase: 'post', ...told, outcome: 'warning' },
  },
  {
    title: 'rests of other values that were not quoted',
    call: { phase: 'post', words: ['--status=OK', ...WORDS, 'and', 'more'] },
    means: { phase: 'post', ...told, outcome: 'ok' },
  },
  {
    title: 'a fatal error that was not quoted',
    call: { phase: 'post', words: [...WORDS, '--status=Fatal', 'Error'] },
    means: { phase: 'post', ...told, outcome: 'failed' },
  },
  {
    title: 'the list command of a FileSet on the client gets its codes as they are written',
    call: { phase: 'list', words: ['--jobid=%i', '--name=%n', '--level=%l'] },
    means: { phase: 'list', job: undefined, instance: undefined, runId: undefined, level: undefined },
  },
  {
    title: 'codes without a value yet, and levels that read nothing of a client',
    call: { phase: 'pre', words: ['--jobid=', '--name=*none*', '--level=VirtualFull', '--client=%c'] },
    means: { phase: 'pre', job: undefined, instance: undefined, runId: undefined, level: 'VirtualFull' },
  },
  {
    title: 'names that are not ASCII, with signs of a shell in them',
    call: { phase: 'pre', words: ['--name=Täglich_$(reboot)_100%', '--level=Full', '--client=größe fd'] },
    means: { phase: 'pre', job: 'Täglich_$(reboot)_100%', instance: 'größe fd', runId: undefined, level: 'full' },
  },
];

describe('Bacula', () => {
  describeIntegration(bacula, recorded);
});
describe('Bareos, with its Director here', () => describeIntegration(bareos, recorded, { director: 'here' }));

test('a word that is mistyped is refused, and so is what is neither yes nor no', () => {
  const read = (...words: readonly string[]) => bacula.read({ phase: 'pre', words, env: {} });

  expect(() => read('--jobids=3')).toThrow(
    expect.objectContaining({ code: 'E_USAGE', message: expect.stringMatching(/"--jobids"/) }),
  );
  expect(() => read('--accurate=maybe')).toThrow(/"maybe"/);
  expect(() => bacula.read({ phase: undefined, words: [], env: {} })).toThrow(/before or after/);
});

const request = { job: 'nightly-sql', program: '/usr/bin/snaphook', system: 'linux', configFile: undefined } as const;
const textOf = (job: string, settings: Readonly<Record<string, string>> = {}) => {
  const [lines] = bacula.installation.items({ ...request, job, settings });
  return lines?.kind === 'lines' ? lines.text : '';
};

test.each(['nightly-sql', 'nightly sql', "it's", '100% "sure"', 'Täglich %i', '$(reboot) `id` * ~ \\ #', '-x'])(
  'the Director and the Client read job "%s" back as one word',
  (job) => {
    const commands = [...textOf(job).matchAll(/Command = (.*)/g)].map(([, written = '']) => readCommand(written));

    expect(commands).toHaveLength(2);
    for (const [program, hook, , ...words] of commands) {
      expect([program, hook]).toEqual(['/usr/bin/snaphook', 'hook']);
      expect(words.slice(0, 2)).toEqual(['--integration=bacula', `--job=${job}`]);
      expect(words).toContain('--level=%l');
    }
    expect(commands[1]).toContain('--status=%e');
  },
);

test('a name that no quote can hold is refused', () => {
  expect(() => textOf('both " and \'')).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
  expect(() => textOf('two\nlines')).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
});

test('the job compares, and its hook is told so', () => {
  expect(textOf('nightly-sql')).toMatch(/Accurate = yes/);
  expect(textOf('nightly-sql')).toMatch(/hook pre .*--accurate=yes/);
});

test('where the Director is here, its user may release the job as root, and nothing else', () => {
  const items = bacula.installation.items({ ...request, settings: { director: 'here' } });
  const files = items.filter((item) => item.kind === 'file');

  expect(files).toEqual([
    expect.objectContaining({
      path: '/usr/local/sbin/snaphook-release-nightly-sql',
      mode: 0o755,
      content: expect.stringMatching(/^#!\/bin\/sh\nexec \/usr\/bin\/snaphook hook post .* -- "\$@"\n$/),
    }),
    expect.objectContaining({
      mode: 0o440,
      content: 'bacula ALL=(root) NOPASSWD: /usr/local/sbin/snaphook-release-nightly-sql\n',
    }),
  ]);
  expect(textOf('nightly-sql', { director: 'here' })).toMatch(/RunsOnClient = no\n.*sudo -n \/usr\/local\/sbin/);
  const windows = { ...request, system: 'windows', settings: { director: 'here' } } as const;
  expect(() => bacula.installation.items(windows)).toThrow(/no Director runs on Windows/);
});

test('the README shows what is installed, line by line', () => {
  const readme = readFileSync(path.join(__dirname, '../../../integrations/bacula/README.md'), 'utf8');
  const shown = new Set(readme.split('\n').map((line) => line.trim()));
  const items = bacula.installation.items({ ...request, settings: { director: 'here' } });
  const texts = items.flatMap((item) => (item.kind === 'file' ? item.content : item.kind === 'lines' ? item.text : []));
  const lines = texts.flatMap((text) => text.split('\n')).map((line) => line.trim());

  expect(lines.filter((line) => line !== '' && !/REPLACE-/.test(line) && !shown.has(line))).toEqual([]);
});

test('on Windows paths have forward slashes, as backslashes escape', () => {
  const program = 'C:\\Program Files\\snaphook\\snaphook.exe';
  const [lines] = bareos.installation.items({ ...request, program, system: 'windows', settings: {} });

  expect(lines?.kind === 'lines' && lines.text).toContain('"\\"C:/Program Files/snaphook/snaphook.exe\\" hook pre');
});

test('jobs are found by the names that Bacula writes', () => {
  expect(bacula.writtenJobName?.('nightly sql 2')).toBe('nightly_sql_2');
});
