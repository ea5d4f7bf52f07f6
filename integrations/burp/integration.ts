import { SnaphookError } from '../../src/ports/errors.ts';
import { type BackupOutcome, type Integration, NOTHING_PROMISED, type ProductCall } from '../contract.ts';
import { fileNameOf, hookLine, requireLinux, scriptFile } from '../root-script.ts';
import { hookFolder } from '../typed-command.ts';

/** Of all that a server script is called for. */
const SERVER_BACKUPS: readonly string[] = ['backup', 'backup_timed'];

/** Of a post script: 0 or 1. */
function outcomeOf(word: string | undefined): BackupOutcome {
  if (word === '0') return 'ok';
  return word === '1' ? 'failed' : 'unknown';
}

/** `pre reserved2 … reserved5`, `post 0|1 reserved3 … reserved5`; a server script `pre|post COMMAND CLIENT STATUS TIMER`. */
function read([phase, second, third, fourth]: readonly string[]): ProductCall {
  if (phase !== 'pre' && phase !== 'post') {
    throw new SnaphookError('E_USAGE', `"${phase ?? ''}" is neither pre nor post`, {
      hint: 'burp tells the phase by the first word that it gives to its scripts: pass all of them behind `--`.',
    });
  }
  const isClients = second === undefined || /^(reserved2|\d+)$/.test(second);
  if (isClients) return phase === 'pre' ? { phase } : { phase, outcome: outcomeOf(second) };
  // What is handed over is prepared by the client alone, and what a restore needs is not ours.
  if (phase === 'pre' || !SERVER_BACKUPS.includes(second)) return { phase: 'none' };
  return { phase, instance: third || undefined, outcome: outcomeOf(fourth) };
}

/** burp 2 and 3: scripts of a client before and after its backup, and a script of the server after it as a second net. */
export const burp: Integration = {
  name: 'burp',
  title: 'burp',
  read: ({ words }) => read(words),
  // Lines of stdout are messages of the client's log, lines of stderr are warnings that burp counts.
  stdout: 'result',
  stderr: 'reason',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: 7200,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedPre: true, postAfterFailedBackup: true },
  incrementals: 'by-comparison',
  tellsOutcome: true,
  installation: {
    settings: [
      {
        name: 'limitSeconds',
        meaning: 'network_timeout of the burp server, in seconds',
        fallback: '7200',
      },
    ],
    items: (request) => {
      requireLinux(request, 'burp');
      const script = `${hookFolder('linux')}/burp-${fileNameOf(request.job)}`;
      const { limitSeconds: limit = '7200' } = request.settings;
      return [
        scriptFile({ path: script, lines: [hookLine(request, 'burp', limit)] }),
        {
          kind: 'lines',
          where: '/etc/burp/burp.conf of the client',
          text: [
            `backup_script_pre = ${script}`,
            `backup_script_post = ${script}`,
            'backup_script_post_run_on_fail = 1',
          ].join('\n'),
        },
        {
          kind: 'step',
          text: "Include the job's exportDirectory, and with handOver: files every mount below it (cross_all_filesystems = 1).",
        },
        {
          kind: 'lines',
          where: 'the file of the client in clientconfdir on the burp server, only where the server is this machine',
          text: [`server_script_post = ${script}`, 'server_script_post_run_on_fail = 1'].join('\n'),
        },
      ];
    },
  },
};
