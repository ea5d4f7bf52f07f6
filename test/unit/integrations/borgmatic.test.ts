import { execFileSync } from 'node:child_process';
import { parse } from 'yaml';
import { borgmatic } from '../../../integrations/borgmatic/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const settings = { version: '2.0' };

describeIntegration(
  borgmatic,
  [
    { title: 'before everything', call: { phase: 'pre' }, means: { phase: 'pre' } },
    { title: 'after everything', call: { phase: 'post' }, means: { phase: 'post' } },
    { title: 'words that are added', call: { phase: 'post', words: ['conf.yaml', ''] }, means: { phase: 'post' } },
  ],
  settings,
);

const installed = (version: string, job = 'nightly-sql') =>
  borgmatic.installation.items({
    job,
    program: '/usr/bin/snaphook',
    system: 'linux',
    configFile: undefined,
    settings: { version },
  });
const configuration = (version: string, job?: string) => {
  const [lines] = installed(version, job);
  return parse(lines?.kind === 'lines' ? lines.text : '');
};
function dropIn(job: string): string {
  const lines = installed('2.0', job).find((item) => item.kind === 'lines' && item.where.includes('drop-in'));
  return lines?.kind === 'lines' ? lines.text : '';
}
const command = (phase: string) =>
  `if [ -n "$SNAPHOOK_SERVICE" ]; then id=$INVOCATION_ID; else id=$PPID; fi; exec /usr/bin/snaphook hook ${phase} --integration=borgmatic --job=nightly-sql --run-id "$id"`;

test('each version gets the hooks that bracket all repositories once, as it writes them', () => {
  const both = { before_everything: [command('pre')], after_everything: [command('post')] };

  expect(configuration('1.7')).toEqual({ hooks: both });
  expect(configuration('1.9.14')).toEqual(both);
  expect(configuration('2.0')).toEqual({
    commands: [
      { before: 'configuration', when: ['create'], run: [command('pre')] },
      { after: 'configuration', when: ['create'], run: [command('post')] },
    ],
  });
});

test.each(['', '2', 'new'])('a version that nobody knows (%j) is refused', (version) => {
  expect(() => installed(version)).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
});

test('a shell gets the name of the job back as it was, and all commands of one borgmatic have the same id', () => {
  const job = `Täglich's "SQL" $(reboot) %p: # x`;
  const [line = ''] = configuration('1.9', job).before_everything;

  expect(wordsOf(line)).toContain(`--job=${job}`);
  expect(wordsOf(line).at(-1)).toBe(String(process.pid));
  // As any child of a service inherits it.
  expect(wordsOf(line, { INVOCATION_ID: 'of a service' }).at(-1)).toBe(String(process.pid));
});

test('in a service with the drop-in, its end releases the run of this start of the service and no other', () => {
  const text = dropIn('nightly-sql');
  const { before_everything, after_everything } = configuration('1.9');
  const [, name = '', value = ''] = /^Environment=(\w+)=(\w+)$/m.exec(text) ?? [];
  const [, atEnd = ''] = /^ExecStopPost=\/bin\/sh -c "(.*)"$/m.exec(text) ?? [];
  const service = { [name]: value, INVOCATION_ID: 'd41d8cd98f00b204e9800998ecf8427e' };

  for (const line of [before_everything[0], after_everything[0], asSystemdReads(atEnd)])
    expect(wordsOf(line, service).slice(-2)).toEqual(['--run-id', service.INVOCATION_ID]);
});

/** What the shell of borgmatic, which is this process here, calls. */
const wordsOf = (line: string, env: Readonly<Record<string, string>> = {}): readonly string[] =>
  execFileSync('/bin/sh', ['-c', line.replace('exec /usr/bin/snaphook', "exec printf '%s\\n'")], {
    encoding: 'utf8',
    env,
  })
    .split('\n')
    .slice(0, -1);

/** Within double quotes. */
const asSystemdReads = (word: string): string =>
  word
    .replaceAll('$$', () => '$')
    .replaceAll('%%', '%')
    .replace(/\\(["\\])/g, '$1');

test('borgmatic would look for names of its own in braces', () => {
  expect(() => installed('2.0', 'of {repository}')).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
});

test('no way of ending is 75, which borgmatic takes for a success without a backup', () => {
  expect(Object.values(borgmatic.exits)).not.toContain(75);
  expect(borgmatic.exits.failed).toBe(1);
});

test('the drop-in of the service survives what systemd reads in it', () => {
  expect(dropIn(`50% "x" $HOME`)).toContain(String.raw`'--job=50%% \"x\" $$HOME'`);
});
