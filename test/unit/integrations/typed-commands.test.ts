import { execFileSync } from 'node:child_process';
import { acronis } from '../../../integrations/acronis/integration.ts';
import { arcserve } from '../../../integrations/arcserve/integration.ts';
import { avamar } from '../../../integrations/avamar/integration.ts';
import { backupExec } from '../../../integrations/backup-exec/integration.ts';
import type { Integration } from '../../../integrations/contract.ts';
import { rubrik } from '../../../integrations/rubrik/integration.ts';
import { spectrumProtect } from '../../../integrations/spectrum-protect/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const TYPED: readonly (readonly [Integration, Readonly<Record<string, string>>])[] = [
  [acronis, {}],
  [arcserve, {}],
  [avamar, { folder: '/usr/local/avamar/etc/scripts', limitSeconds: '600' }],
  [backupExec, { limitSeconds: '1800' }],
  [rubrik, { limitSeconds: '600' }],
  [spectrumProtect, {}],
];

describe.each(TYPED.map(([integration, settings]) => [integration.name, integration, settings] as const))(
  '%s',
  (_name, integration, settings) => {
    describeIntegration(
      integration,
      [
        { title: 'before the backup', call: { phase: 'pre' }, means: { phase: 'pre' } },
        {
          title: 'words that a later version may add change nothing',
          call: { phase: 'post', words: ['x', ''] },
          means: { phase: 'post' },
        },
      ],
      settings,
    );

    test('a call that does not say before or after is refused', () => {
      expect(() => integration.read({ phase: undefined, words: [], env: {} })).toThrow(
        expect.objectContaining({ code: 'E_USAGE' }),
      );
    });

    test('a program, a job and a file with spaces reach the hook as one word each, or are refused', () => {
      const request = { job: 'nightly sql $(x)', program: '/opt/snap hook/snaphook', configFile: '/etc/a b.yaml' };
      const items = () => integration.installation.items({ ...request, system: 'linux', settings });
      if (['avamar', 'rubrik'].includes(integration.name)) return expect(items).toThrow(/file name/);
      const words = wordsOf(items().flatMap((item) => (item.kind === 'lines' ? [item.text] : []))[0] ?? '');

      expect(words).toEqual(
        expect.arrayContaining(['hook', 'pre', '--job=nightly sql $(x)', '--config=/etc/a b.yaml']),
      );
    });
  },
);

test('on Windows a path that a product calls is a batch file which passes the exit code on', () => {
  const [pre] = rubrik.installation.items({
    job: 'nightly-sql',
    program: String.raw`C:\Program Files\snaphook\snaphook.exe`,
    system: 'windows',
    configFile: undefined,
    settings: { limitSeconds: '600' },
  });

  expect(pre).toMatchObject({
    path: String.raw`C:\Program Files\snaphook\hooks\rubrik-pre-nightly-sql.bat`,
    content: [
      '@echo off',
      String.raw`"C:\Program Files\snaphook\snaphook.exe" hook pre "--integration=rubrik" "--job=nightly-sql" "--limit-seconds=600"`,
      'exit /b %ERRORLEVEL%',
      '',
    ].join('\r\n'),
  });
});

/** The words of the first command in a piece of configuration, as a shell reads them. */
function wordsOf(text: string): readonly string[] {
  const command = /^(?:PRESCHEDULECMD +"(?<option>.*)"|Command: .*\nArguments: (?<field>.*)|(?<line>.*))$/m.exec(
    text,
  )?.groups;
  const line = command?.option ?? command?.field ?? command?.line ?? '';
  return execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' }).split('\n');
}
