import { parse } from 'yaml';
import { resticprofile } from '../../../integrations/resticprofile/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const settings = { profile: 'default' };
const env = { PROFILE_NAME: 'default', PROFILE_COMMAND: 'backup' };
const failed = {
  ...env,
  ERROR: 'restic on profile',
  ERROR_MESSAGE: '1',
  ERROR_COMMANDLINE: '"restic" "backup"',
  ERROR_EXIT_CODE: '3',
  ERROR_STDERR: '',
};

describeIntegration(
  resticprofile,
  [
    { title: 'run-before', call: { phase: 'pre', env }, means: { phase: 'pre', instance: 'default' } },
    {
      title: 'run-finally',
      call: { phase: 'post', env },
      means: { phase: 'post', instance: 'default', outcome: 'ok' },
    },
    {
      title: 'run-finally after a failure',
      call: { phase: 'post', env: failed },
      means: { phase: 'post', instance: 'default', outcome: 'failed' },
    },
    {
      title: 'a profile with an odd name',
      call: { phase: 'pre', env: { PROFILE_NAME: 'Täglich "SQL" %p' } },
      means: { phase: 'pre', instance: 'Täglich "SQL" %p' },
    },
    { title: 'empty variables', call: { phase: 'pre', env: { PROFILE_NAME: '' } }, means: { phase: 'pre' } },
  ],
  settings,
);

const profile = (system: 'linux' | 'windows') => {
  const [lines] = resticprofile.installation.items({
    job: 'nightly-sql',
    program: system === 'linux' ? '/usr/bin/snaphook' : 'C:\\Program Files\\snaphook\\snaphook.exe',
    system,
    configFile: undefined,
    settings: { profile: 'sql: 1' },
  });
  return parse(lines?.kind === 'lines' ? lines.text : '');
};

test('what the pre hook prints goes to the file of variables, and the post hook is the one that always runs', () => {
  const hook = (phase: string) => `/usr/bin/snaphook hook ${phase} --integration=resticprofile --job=nightly-sql`;

  expect(profile('linux')).toEqual({
    'sql: 1': {
      backup: {
        'run-before': `${hook('pre')} --run-id "$PPID" >> "{{ env }}"`,
        'run-finally': `${hook('post')} --run-id "$PPID"`,
      },
    },
  });
  expect(profile('windows')['sql: 1'].backup['run-finally']).toBe(
    '"C:\\Program Files\\snaphook\\snaphook.exe" hook post "--integration=resticprofile" "--job=nightly-sql"',
  );
});

test('what would begin a template of its file is refused', () => {
  for (const odd of [{ job: 'sql {{ .Env.X }}' }, { settings: { profile: '{{x}}' } }]) {
    const request = {
      job: 'x',
      program: '/usr/bin/snaphook',
      system: 'linux',
      configFile: undefined,
      settings,
    } as const;
    expect(() => resticprofile.installation.items({ ...request, ...odd })).toThrow(
      expect.objectContaining({ code: 'E_USAGE', message: expect.stringContaining('profiles.yaml') }),
    );
  }
});

test('the variables tell where the hand-over lies', () => {
  const stdout = resticprofile.stdout;
  const run = { directory: '/backup/my sql', manifest: 'snaphook-manifest.json', runId: 'x' };

  expect(typeof stdout === 'function' && stdout(run, { phase: 'pre' })).toBe(
    'SNAPHOOK_DIRECTORY=/backup/my sql\nSNAPHOOK_MANIFEST=/backup/my sql/snaphook-manifest.json\n',
  );
});
