import { type Integration, NOTHING_PROMISED } from '../contract.ts';
import { commandLine, hookWords, typedCall } from '../typed-command.ts';

const NAME = 'arcserve';

/** Arcserve Backup: commands before and after a job, which compares their exit code with one number. */
export const arcserve: Integration = {
  name: NAME,
  title: 'Arcserve Backup',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  // The job looks for one code: every failure has to be that one.
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: undefined,
  guarantees: NOTHING_PROMISED,
  incrementals: undefined,
  installation: {
    settings: [],
    items: (request) => [
      {
        kind: 'lines',
        where: 'the command that runs before the job',
        text: `${commandLine(request.system, hookWords(NAME, 'pre', request))}\n`,
      },
      {
        kind: 'lines',
        where: 'the command that runs after the job',
        text: `${commandLine(request.system, hookWords(NAME, 'post', request))}\n`,
      },
      { kind: 'step', text: 'On exit code 1 of the first one: skip the job. Do not skip the command after the job.' },
      { kind: 'step', text: 'The program has to be on a local disk of the machine that runs the job.' },
    ],
  },
};
