import { SnaphookError } from '../../src/ports/errors.ts';
import { type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { commandLine, hookWords, typedCall } from '../typed-command.ts';

const NAME = 'spectrum-protect';

/** IBM Spectrum Protect (Storage Protect, TSM): PRESCHEDULECMD and POSTSCHEDULECMD of the client's scheduler. */
export const spectrumProtect: Integration = {
  name: NAME,
  title: 'IBM Spectrum Protect',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  // Any code but 0 of the command after the backup makes the event fail although the data are safe.
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true },
  incrementals: undefined,
  installation: {
    settings: [],
    items: (request) => [
      {
        kind: 'lines',
        where: request.system === 'windows' ? 'dsm.opt of the node' : "dsm.sys, in the server's stanza of the node",
        text: [
          `PRESCHEDULECMD  ${optionValue(request, 'pre')}`,
          `POSTSCHEDULECMD ${optionValue(request, 'post')}`,
          '',
        ].join('\n'),
      },
      {
        kind: 'step',
        text: 'Restart the scheduler (or the client acceptor): it reads its options when it starts.',
      },
      {
        kind: 'step',
        text: "Let the schedule's objects be the names under which the data are to be known, such as /vm/sql01, and its options -snapshotroot=DIRECTORY, the job's exportDirectory or a folder in it.",
      },
    ],
  },
};

/** Options of the client take quotes of either kind around a value, and none of the same kind within. */
function optionValue(request: InstallRequest, phase: 'pre' | 'post'): string {
  const command = commandLine(request.system, hookWords(NAME, phase, request));
  if (!command.includes('"')) return `"${command}"`;
  if (!command.includes("'")) return `'${command}'`;
  throw new SnaphookError('E_USAGE', `job "${request.job}" cannot be written into an option of the client`, {
    hint: 'Name the job and the program without quotes.',
  });
}
