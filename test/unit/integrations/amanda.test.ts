import { amanda } from '../../../integrations/amanda/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';
import { installedFiles, shellRunsScript, visudoAccepts } from './installed.ts';

const DLE = ['--config', 'lab', '--host', 'localhost', '--disk', 'vm1', '--device', '/vmware/vm1'];
const words = (phase: string, ...more: readonly string[]) => ({
  words: [phase, '--execute-where', 'client', ...DLE, ...more],
});
const caller = { instance: 'lab:localhost:vm1' };
const run = { ...caller, runId: '20261122152435' };
const timestamp = ['--timestamp', '20261122152435'];

describeIntegration(amanda, [
  {
    title: 'asked for its abilities it answers with one a line',
    call: { words: ['support'] },
    means: {
      phase: 'none',
      answer: 'CONFIG YES\nHOST YES\nDISK YES\nMESSAGE-LINE YES\nMESSAGE-XML NO\nEXECUTE-WHERE YES\nTIMESTAMP YES\n',
    },
  },
  {
    title: 'amcheck previews, without a time',
    call: words('PRE-DLE-AMCHECK', '--mode', 'file', '--vm', 'vm1'),
    means: { phase: 'check', ...caller },
  },
  {
    title: 'before the estimate of a first full backup',
    call: words('PRE-DLE-ESTIMATE', ...timestamp, '--level', '0', '--mode', 'file'),
    means: { phase: 'pre', ...run, level: 'full', goesOn: true },
  },
  {
    title: 'before an estimate of several levels, of which one will be taken',
    call: words('PRE-DLE-ESTIMATE', ...timestamp, '--level', '0', '--level', '1', '--level', '2'),
    means: { phase: 'pre', ...run, level: 'one of 0, 1, 2', goesOn: true },
  },
  {
    title: 'before the backup of the same run',
    call: words('PRE-DLE-BACKUP', ...timestamp, '--level', '1', '--mode', 'file', '--vm', 'vm1'),
    means: { phase: 'pre', ...run, level: 'incremental', goesOn: true },
  },
  {
    title: 'after the backup',
    call: words('POST-DLE-BACKUP', ...timestamp, '--level', '1'),
    means: { phase: 'post', ...run, level: 'incremental' },
  },
  {
    title: 'the server after the backup',
    call: { words: ['POST-DLE-BACKUP', '--execute-where', 'server', '--config', 'lab', ...timestamp, ...DLE.slice(2)] },
    means: { phase: 'post', ...run },
  },
  {
    title: 'the server at the end of all',
    call: { words: ['POST-BACKUP', '--execute-where', 'server', '--config', 'lab', ...timestamp, ...DLE.slice(2)] },
    means: { phase: 'post', ...run },
  },
  {
    title: 'the estimate is over, the backup comes',
    call: words('POST-DLE-ESTIMATE', ...timestamp),
    means: { phase: 'none' },
  },
  {
    title: 'of a host there is nothing to do',
    call: words('PRE-HOST-ESTIMATE', ...timestamp),
    means: { phase: 'none' },
  },
  { title: 'of a recovery neither', call: words('PRE-LEVEL-RECOVER', '--level', '1'), means: { phase: 'none' } },
  {
    title: 'names as people give them, and a value that looks like an option',
    call: {
      words: [
        'PRE-DLE-BACKUP',
        ...['--execute-where', 'client', '--config', 'Täglich', '--host', 'h'],
        ...['--disk', 'VM 1\'s "disk" %p', '--device', '--timestamp', ...timestamp, '--level', '', 'surplus', '--vm'],
      ],
    },
    means: { phase: 'pre', instance: `Täglich:h:VM 1's "disk" %p`, runId: run.runId, level: undefined, goesOn: true },
  },
]);

test('what is no call of Amanda is refused, and so is one that would prepare on another machine', () => {
  expect(() => amanda.read({ phase: undefined, words: [], env: {} })).toThrow(/no phase of an Amanda script/);
  expect(() => amanda.read({ phase: undefined, words: ['PRE-DLE-NONSENSE'], env: {} })).toThrow(/"PRE-DLE-NONSENSE"/);
  const server = { phase: undefined, words: ['PRE-DLE-BACKUP', '--execute-where', 'server', ...DLE], env: {} };
  expect(() => amanda.read(server)).toThrow(/execute-where server/);
});

test('the application is told where the data lie, in a preview too', () => {
  const handedOver = { directory: '/backup/staging/my sql', manifest: 'm', runId: 'r' };

  expect(typeof amanda.stdout === 'function' && amanda.stdout(handedOver, { phase: 'pre' })).toBe(
    'PROPERTY target /backup/staging/my sql\n',
  );
  expect(amanda.previewStdout?.('/x')).toBe('PROPERTY target /x\n');
});

test.each(['nightly-sql', "Täglich / it's $(reboot) %p"])(
  'job %j: the script passes it, and all that Amanda adds',
  (job) => {
    const [script, sudoers] = installedFiles(amanda, { job });

    expect(script.path).toMatch(/^\/usr\/lib\/amanda\/application\/snaphook-[\w-]+$/);
    expect(shellRunsScript(script.content, ['PRE-DLE-BACKUP', '--disk', 'a b', '']).slice(1)).toEqual([
      'hook',
      '--integration=amanda',
      `--job=${job}`,
      '--limit-seconds=300',
      '--',
      'PRE-DLE-BACKUP',
      '--disk',
      'a b',
      '',
    ]);
    expect(sudoers).toMatchObject({
      path: expect.stringMatching(/^\/etc\/sudoers\.d\/[\w-]+$/),
      mode: 0o440,
      owner: 'root',
    });
    expect(sudoers.content).toBe(`backup ALL=(root) NOPASSWD: ${script.path}\n`);
    expect(visudoAccepts(sudoers.content)).toBe(true);
  },
);

test('what two jobs define in amanda.conf has different names, as Amanda takes none twice of a kind', () => {
  const defined = ['nightly-sql', 'nightly-web', 'tar-nightly-sql'].flatMap((job) =>
    amanda.installation
      .items({ job, program: '/p', system: 'linux', configFile: undefined, settings: {} })
      .flatMap((item) => (item.kind === 'lines' ? [...item.text.matchAll(/^define (\S+ \S+) \{$/gm)] : []))
      .map(([, name]) => name),
  );

  expect(defined).toHaveLength(9);
  expect(new Set(defined).size).toBe(9);
});

test.each([
  [{ user: 'backup ALL' }, /user "backup ALL"/],
  [{ folder: '/opt/my amanda' }, /folder/],
  [{ limitSeconds: '5m' }, /limitSeconds/],
])('%j is refused', (settings, message) => {
  expect(() => installedFiles(amanda, { settings })).toThrow(message);
});
