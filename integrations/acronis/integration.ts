import { type InstallItem, type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { commandAndArguments, hookWords, typedCall } from '../typed-command.ts';

const NAME = 'acronis';

/** Acronis Cyber Protect: pre- and post-backup commands of a plan. */
export const acronis: Integration = {
  name: NAME,
  title: 'Acronis Cyber Protect',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: undefined,
  guarantees: NOTHING_PROMISED,
  incrementals: undefined,
  installation: {
    settings: [],
    items: (request) => [
      fields(request, 'pre', 'Pre-backup command of the plan'),
      fields(request, 'post', 'Post-backup command of the plan'),
      {
        kind: 'step',
        text: 'Leave "Fail the backup if the command execution fails" and "Do not back up until the command execution is complete" on.',
      },
      { kind: 'step', text: 'Let the plan back up files and folders: the exportDirectory of the job.' },
      {
        kind: 'step',
        text: 'Use the pre- and post-backup commands, not those of the data capture: these come after the plan has made its own snapshot.',
      },
    ],
  },
};

function fields(request: InstallRequest, phase: 'pre' | 'post', where: string): InstallItem {
  const { command, parameters } = commandAndArguments(request.system, hookWords(NAME, phase, request));
  return { kind: 'lines', where, text: `Command: ${command}\nArguments: ${parameters}\n` };
}
