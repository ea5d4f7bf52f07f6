import { type Integration, NOTHING_PROMISED } from '../contract.ts';
import { commandLine, hookWords, typedCall } from '../typed-command.ts';

const NAME = 'backup-exec';

/** Veritas Backup Exec: pre- and post-commands of a job. */
export const backupExec: Integration = {
  name: NAME,
  title: 'Veritas Backup Exec',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: 1800,
  guarantees: NOTHING_PROMISED,
  incrementals: undefined,
  installation: {
    settings: [
      { name: 'limitSeconds', meaning: 'after which the job cancels a command, in seconds', fallback: '1800' },
    ],
    items: (request) => {
      const { limitSeconds } = request.settings;
      const line = (phase: 'pre' | 'post') =>
        `${commandLine(request.system, hookWords(NAME, phase, request, limitSeconds))}\n`;
      return [
        { kind: 'lines', where: "the job's command before the backup", text: line('pre') },
        { kind: 'lines', where: "the job's command after the backup", text: line('post') },
        { kind: 'step', text: 'Run both on the server that is the proxy, not on each server backed up.' },
        { kind: 'step', text: 'Tick "successful only if return code zero": without it a failed command is ignored.' },
        {
          kind: 'step',
          text: 'Run the command after the backup even if the job fails, and not only if the command before it succeeded.',
        },
        {
          kind: 'step',
          text: `Let the job cancel commands after ${Math.ceil(Number(limitSeconds) / 60)} minutes, not earlier.`,
        },
      ];
    },
  },
};
