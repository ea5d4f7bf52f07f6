import { SnaphookError } from '../../src/ports/errors.ts';
import type { InstallItem, InstallRequest } from '../contract.ts';
import { fileNameOf, scriptFile, sudoersFile } from '../root-script.ts';
import { commandLine, hookWords } from '../typed-command.ts';
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
  const { job, system } = request;
  const program = system === 'windows' ? request.program.replaceAll('\\', '/') : request.program;
  const command = (phase: 'pre' | 'post', ...more: readonly string[]) => {
    const words = hookWords(names.integration, phase, { ...request, program }).map(commandWord);
    return configString(words.concat('--', WORDS, more).join(' '));
  };
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
  const fileName = `release-${fileNameOf(job)}`;
  // What stands behind `--` there cannot change what root does: no more than which run of the job ended.
  const script = `/usr/local/sbin/snaphook-${fileName}`;
  const release = commandLine('linux', hookWords(names.integration, 'post', request));
  const net = configString(['sudo', '-n', script].map(commandWord).concat(WORDS, '"--status=%e"').join(' '));
  const text = [...lines, ...runScript('director', 'After', [`Command = ${net}`, ...FAILED, 'FailJobOnError = no'])];
  return [
    { kind: 'lines', where, text: text.join('\n') },
    scriptFile({ path: script, lines: [`exec ${release} -- "$@"`] }),
    sudoersFile(fileName, names.directorUser, [script]),
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
