import { SnaphookError } from '../../src/ports/errors.ts';
import { type Integration, NOTHING_PROMISED, type RawCall } from '../contract.ts';
import { commandLine, fileNamePart, hookWords, requirePhase } from '../typed-command.ts';

const NAME = 'networker-save';

/** Dell NetWorker with a backup command of our own around `save`: the words of `save` tell who calls. */
export const networkerSave: Integration = {
  name: NAME,
  title: 'Dell NetWorker (backup command)',
  read: (call) => {
    const phase = requirePhase(call);
    const { words } = call;
    const options = saveOptions(words);
    return { phase, instance: options.get('-c'), level: levelOf(options.get('-l')) };
  },
  // `save` is run by NetWorker, which reads its stdout.
  stdout: 'silent',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true },
  incrementals: undefined,
  installation: {
    settings: [{ name: 'folder', meaning: 'where the program `save` lies', fallback: '/usr/sbin' }],
    items(request) {
      if (request.system === 'windows') {
        throw new SnaphookError('E_USAGE', `--integration ${NAME} has no file for Windows`, {
          hint: 'Use --integration networker there.',
        });
      }
      const { folder = '' } = request.settings;
      const line = (phase: 'pre' | 'post') => commandLine('linux', hookWords(NAME, phase, request));
      const name = `nsrsnaphook-${fileNamePart(request.job)}`;
      if (name.length > 64) {
        throw new SnaphookError('E_USAGE', `"${name}" is longer than the 64 characters that NetWorker takes`, {
          hint: 'Give the job a shorter name.',
        });
      }
      const save = commandLine('linux', [`${folder}/save`]);
      return [
        {
          kind: 'file',
          path: `${folder}/${name}`,
          mode: 0o755,
          owner: 'root',
          content: [
            '#!/bin/sh',
            `${line('pre')} -- "$@" || exit`,
            `${save} "$@"`,
            'saved=$?',
            `${line('post')} -- "$@"`,
            'released=$?',
            '[ $saved -ne 0 ] && exit $saved',
            'exit $released',
            '',
          ].join('\n'),
        },
        { kind: 'step', text: `Let the client resource's backup command be ${name}.` },
        {
          kind: 'step',
          text: 'Let its save set be the exportDirectory of the job, and only that: every save set calls the command.',
        },
      ];
    },
  },
};

/** `-s server -g group -c client -l level -N name`, among others that we need not know. */
function saveOptions(words: RawCall['words']): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const [index, word] of words.entries()) {
    const value = words[index + 1];
    if (/^-[a-zA-Z]$/.test(word) && value !== undefined && value !== '' && !value.startsWith('-'))
      options.set(word, value);
  }
  return options;
}

/** Levels 1 to 9 save what changed since a lower one. */
function levelOf(level: string | undefined): string | undefined {
  if (level === 'incr') return 'incremental';
  return level !== undefined && /^[1-9]$/.test(level) ? 'differential' : level;
}
