import { createHash } from 'node:crypto';
import { SnaphookError } from '../../src/ports/errors.ts';
import type { InstallItem, InstallRequest } from '../contract.ts';
import { shellWord } from '../quoting.ts';
import { commandWord, configString } from './command-word.ts';

/** Where the scripts of a Job run. */
type Side = 'client' | 'director';

const WORDS = ['--jobid=%i', '--name=%n', '--level=%l', '--client=%c', '--director=%D'];

export interface ProductNames {
  readonly integration: string;
  readonly directorFile: string;
  /** The user of the Director, for whom root has to release. */
  readonly directorUser: string;
}

/** What the Job resource calls: a pre hook, a post hook in whatever way the backup ended, and a second one where the first did not come. */
export function jobScripts(request: InstallRequest, names: ProductNames): readonly InstallItem[] {
  const { job, configFile, system } = request;
  const program = system === 'windows' ? request.program.replaceAll('\\', '/') : request.program;
  const options = ['--integration', names.integration, '--job', job, ...(configFile ? ['--config', configFile] : [])];
  const command = (phase: string, ...more: readonly string[]) =>
    configString([program, 'hook', phase, ...options].map(commandWord).concat('--', WORDS, more).join(' '));
  const lines = [
    '  Accurate = yes',
    ...runScript('client', 'Before', [`Command = ${command('pre', '--accurate=yes')}`, 'FailJobOnError = yes']),
    ...runScript('client', 'After', [
      `Command = ${command('post', '"--status=%e"')}`,
      ...ALWAYS,
      'FailJobOnError = no',
    ]),
  ];
  const where = `the Job resource in ${names.directorFile}`;
  if (request.settings.director !== 'here') return [{ kind: 'lines', where, text: lines.join('\n') }];
  if (system === 'windows') {
    throw new SnaphookError('E_USAGE', 'no Director runs on Windows: "here" cannot be', {
      hint: 'Leave the setting "director" out.',
    });
  }
  const script = releaseScriptOf(job);
  const net = configString(['sudo', '-n', script].map(commandWord).concat(WORDS, '"--status=%e"').join(' '));
  const text = [...lines, ...runScript('director', 'After', [`Command = ${net}`, ...FAILED, 'FailJobOnError = no'])];
  return [
    { kind: 'lines', where, text: text.join('\n') },
    {
      kind: 'file',
      path: script,
      mode: 0o755,
      owner: 'root',
      content: `#!/bin/sh\nexec ${[program, 'hook', 'post', ...options].map(shellWord).join(' ')} -- "$@"\n`,
    },
    {
      kind: 'file',
      path: `/etc/sudoers.d/${fileNameOf(job)}`,
      mode: 0o440,
      owner: 'root',
      content: `${names.directorUser} ALL=(root) NOPASSWD: ${script}\n`,
    },
  ];
}

const ALWAYS = ['RunsOnSuccess = yes', 'RunsOnFailure = yes'];
const FAILED = ['RunsOnSuccess = no', 'RunsOnFailure = yes'];

const runScript = (side: Side, when: 'Before' | 'After', settings: readonly string[]): readonly string[] => [
  '  RunScript {',
  ...[`RunsWhen = ${when}`, `RunsOnClient = ${side === 'client' ? 'yes' : 'no'}`, ...settings].map(
    (line) => `    ${line}`,
  ),
  '  }',
];

/** What stands behind `--` there cannot change what root does: no more than which run of the job ended. */
const releaseScriptOf = (job: string): string => `/usr/local/sbin/${fileNameOf(job)}`;

/** sudo passes over files with dots in their names, and cuts its lines at spaces. */
function fileNameOf(job: string): string {
  const plain = job.replace(/[^\w-]/g, '_');
  const mark = plain === job ? '' : `-${createHash('sha256').update(job).digest('hex').slice(0, 8)}`;
  return `snaphook-release-${plain}${mark}`;
}
