import { SnaphookError } from '../../src/ports/errors.ts';
import { type HookPhase, type Integration, NOTHING_PROMISED, type ProductCall } from '../contract.ts';
import { commandInScript, commandLine, hookWords } from '../typed-command.ts';
import { levelOf, nameOfPolicy, outcomeOf } from './notify-words.ts';

const NAME = 'netbackup-server';

/** Place of the phase among the words of a hook's command. */
const PHASE_AT = 2;

/** Scripts of the primary server that are told of which policy the backup is. */
const OF_POLICIES = ['parent_start_notify', 'parent_end_notify', 'backup_exit_notify'] as const;
const NOTIFIES: ReadonlySet<string> = new Set([...OF_POLICIES, 'session_start_notify', 'session_notify']);

/** NetBackup's notify scripts on the primary server: for a primary server that is the proxy, or as a second net under bpend_notify. */
export const netBackupServer: Integration = {
  name: NAME,
  title: 'NetBackup, notify scripts of the primary server',
  read({ words: [notify = '', ...words] }) {
    if (!NOTIFIES.has(notify)) {
      throw new SnaphookError('E_USAGE', `"${notify}" is no notify script of NetBackup's primary server`, {
        hint: `The first word behind -- is the name of the script: ${[...NOTIFIES].join(', ')}.`,
      });
    }
    const [client, policy, , type, status] = words;
    const phase = phaseOf(notify, words);
    const call: ProductCall = { phase, job: policy || undefined, instance: client || undefined, level: levelOf(type) };
    return phase === 'post' ? { ...call, outcome: outcomeOf(status) } : call;
  },
  stdout: 'silent',
  stderr: 'silent',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: undefined,
  incrementals: undefined,
  tellsOutcome: true,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true },
  installation: {
    settings: [{ name: 'policy', meaning: 'policy whose backups are meant' }],
    items: (request) => {
      const policy = nameOfPolicy('policy', request.settings.policy);
      // Their own names tell before from after.
      const words = hookWords(NAME, 'post', request).filter((_word, index) => index !== PHASE_AT);
      const isWindows = request.system === 'windows';
      // Somebody copies it by hand, so that it is one line everywhere.
      const command = isWindows ? commandInScript('windows', words) : commandLine('linux', words);
      return [
        ...OF_POLICIES.map((notify) => ({
          kind: 'lines' as const,
          where: `${notify}${isWindows ? '.cmd' : ''} on the primary server`,
          text: isWindows
            ? `if "%~2"=="${policy}" ${command} -- ${notify} %*\r\n`
            : `[ "$2" = ${policy} ] && ${command} -- ${notify} "$@"\n`,
        })),
        {
          kind: 'step',
          text: 'Leave parent_start_notify out where bpstart_notify prepares the backup, as it should: NetBackup does not look at the exit code of a notify script.',
        },
      ];
    },
  },
};

/** `backup_exit_notify` comes for each try of each stream: -1 is the parent of several, 0 a backup that is one. */
function phaseOf(notify: string, [, , , , , stream, doneTrying]: readonly string[]): HookPhase {
  switch (notify) {
    case 'parent_start_notify':
      return 'pre';
    case 'session_start_notify':
      return 'none';
    case 'backup_exit_notify':
      return doneTrying === '1' && (stream === '0' || stream === '-1') ? 'post' : 'none';
    default:
      return 'post';
  }
}
