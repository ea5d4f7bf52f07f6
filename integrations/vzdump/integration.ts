import { SnaphookError } from '../../src/ports/errors.ts';
import { type InstallRequest, type Integration, NOTHING_PROMISED, type ProductCall } from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { hookScript } from '../hook-script.ts';
import { requireLinux } from '../root-script.ts';
import { commandLine, hookWords } from '../typed-command.ts';

const NAME = 'vzdump';

/**
 * Of the whole job. Those of single guests, and of times between, mean nothing to a run of VMs elsewhere. `job-end` is no success: it comes
 * also when guests of the job failed, and nothing that was handed over is in vzdump's backup.
 */
const CALLS: Readonly<Record<string, ProductCall>> = {
  'job-start': { phase: 'pre' },
  'job-end': { phase: 'post', outcome: 'unknown' },
  'job-abort': { phase: 'post', outcome: 'failed' },
};

/** vzdump of Proxmox VE: its hook script, with an environment that is empty but for a few variables. */
export const vzdump: Integration = {
  name: NAME,
  title: 'Proxmox VE vzdump',
  read({ words, env }) {
    const [word = ''] = words;
    if (word === '') {
      throw new SnaphookError('E_USAGE', 'vzdump names no phase', {
        hint: 'The script of vzdump has to pass its own words on, behind `--`.',
      });
    }
    const call = entryOf(CALLS, word);
    return call ? { ...call, instance: env.STOREID || undefined } : { phase: 'none' };
  },
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedPre: true, postAfterFailedBackup: true },
  incrementals: undefined,
  installation: {
    settings: [],
    items: (request) => {
      requireLinux(request, 'vzdump');
      const script = hookScript(request, NAME, [scriptLine(request)]);
      return [
        script,
        {
          kind: 'lines',
          where: 'the command line of vzdump, or the job in /etc/pve/jobs.cfg as `script`',
          text: `--script ${script.path}\n`,
        },
        { kind: 'step', text: 'Nothing of what is handed over is read by vzdump: see the README of the integration.' },
      ];
    },
  },
};

/** The parent is the process of the whole job. */
const scriptLine = (request: InstallRequest): string =>
  `exec ${commandLine('linux', hookWords(NAME, undefined, request))} --run-id "$PPID" -- "$@"`;
