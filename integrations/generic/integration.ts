import { SnaphookError } from '../../src/ports/errors.ts';
import { type Integration, NOTHING_PROMISED } from '../contract.ts';
import { commandLine, hookWords } from '../typed-command.ts';

/** Any product that can call a program before and after a backup: all it tells comes by options and variables of the hooks. */
export const generic: Integration = {
  name: 'generic',
  title: 'any other product',
  read({ phase, words }) {
    if (words.length > 0) throw new SnaphookError('E_USAGE', `"${words[0]}" is not an option of the hook`);
    if (!phase) {
      throw new SnaphookError('E_USAGE', 'nothing says whether this is before or after the backup', {
        hint: 'Call pre-backup or post-backup, or `snaphook hook pre` or `snaphook hook post`.',
      });
    }
    return { phase };
  },
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 3, nothingToDo: 75, failed: 'own' },
  limitSeconds: undefined,
  guarantees: NOTHING_PROMISED,
  incrementals: undefined,
  installation: {
    settings: [],
    items: (request) => {
      const command = (phase: 'pre' | 'post') => commandLine(request.system, hookWords('generic', phase, request));
      return [
        { kind: 'lines', where: 'the command before the backup', text: command('pre') },
        { kind: 'lines', where: 'the command after the backup, also after a failed one', text: command('post') },
        { kind: 'step', text: 'Let the product fail the job when the command before the backup fails.' },
      ];
    },
  },
};
