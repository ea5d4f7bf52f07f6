import { type Integration, NOTHING_PROMISED } from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { commandLine, hookWords, requirePhase } from '../typed-command.ts';

const NAME = 'commvault';

/** Numbers that are known; others are told as they are. */
const LEVELS: Readonly<Record<string, string>> = { '1': 'full', '2': 'incremental', '4': 'differential' };

/** Commvault: pre- and post-processes of a subclient, which get words behind those that were typed. */
export const commvault: Integration = {
  name: NAME,
  title: 'Commvault',
  read(call) {
    const phase = requirePhase(call);
    const { words } = call;
    const level = valueBehind(words, '-bkplevel');
    const instance = [valueBehind(words, '-cn'), valueBehind(words, '-vm')]
      .filter((part) => part !== undefined)
      .join('/');
    return {
      phase,
      instance: instance || undefined,
      // A job that is pending is tried again under its id, with a higher -attempt.
      runId: valueBehind(words, '-job'),
      ...attemptOf(valueBehind(words, '-attempt')),
      level: level === undefined ? undefined : (entryOf(LEVELS, level) ?? level),
      // What the numbers of -status mean nobody could confirm.
      ...(phase === 'post' && { outcome: 'unknown' }),
    };
  },
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: undefined,
  incrementals: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true, postAfterCancel: true, sameIdOnRetry: true },
  installation: {
    settings: [],
    items: (request) => {
      // What Commvault adds by itself comes behind the last word.
      const line = (phase: 'pre' | 'post') =>
        `${commandLine(request.system, [...hookWords(NAME, phase, request), '--'])}\n`;
      return [
        { kind: 'lines', where: 'the PreScan process of the subclient', text: line('pre') },
        { kind: 'lines', where: 'the PostBackup process of the subclient', text: line('post') },
        { kind: 'step', text: 'Tick "Run Post Process for all attempts".' },
        { kind: 'step', text: 'Let the subclient be the exportDirectory of the job, on the client that is the proxy.' },
        {
          kind: 'step',
          text: 'Give the processes credentials, or allow the program in sAdminWhiteListBinaries: new clients refuse programs outside the installation folder.',
        },
      ];
    },
  },
};

const attemptOf = (text = ''): { readonly attempt?: number } =>
  /^[1-9]\d{0,5}$/.test(text) ? { attempt: Number(text) } : {};

/** The word behind an option. Empty, absent, or the next option: undefined. */
function valueBehind(words: readonly string[], option: string): string | undefined {
  const at = words.lastIndexOf(option);
  const value = at < 0 ? undefined : words[at + 1];
  return !value || value.startsWith('-') ? undefined : value;
}
