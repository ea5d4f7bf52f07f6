import { type Integration, NOTHING_PROMISED } from '../contract.ts';
import { hookFile, typedCall } from '../typed-command.ts';

const NAME = 'veeam-agent';

/** Veeam Agent for Linux, macOS, AIX and Windows: scripts of a job, which are told nothing. */
export const veeamAgent: Integration = {
  name: NAME,
  title: 'Veeam Agent',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  // On UNIX every other code is a warning, which is what a lower grade is; on Windows it may be the end of the job.
  exits: { degraded: process.platform === 'win32' ? 0 : 3, nothingToDo: 0, failed: 1 },
  limitSeconds: 600,
  incrementals: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true },
  installation: {
    settings: [{ name: 'limitSeconds', meaning: 'after which the agent stops a script, in seconds', fallback: '600' }],
    items: (request) => {
      const { limitSeconds = '600' } = request.settings;
      const isWindows = request.system === 'windows';
      const file = (phase: 'pre' | 'post') => {
        const hook = hookFile(NAME, phase, request, { limitSeconds });
        return isWindows ? hook : { ...hook, path: `${hook.path}.sh` };
      };
      const [pre, post] = [file('pre'), file('post')];
      return [
        pre,
        post,
        { kind: 'step', text: `Script before the job (pre-job; not pre-freeze): ${pre.path}` },
        { kind: 'step', text: `Script after the job (post-job; not post-thaw): ${post.path}` },
        isWindows
          ? { kind: 'step', text: 'Set script processing to require success.' }
          : {
              kind: 'step',
              text: 'The agent begins the backup also when the script failed: watch for jobs that end with a warning, and take a restore point for complete only if it has snaphook-manifest.json.',
            },
        { kind: 'step', text: 'Back up the exportDirectory of the job by a file-level job, under its full path.' },
      ];
    },
  },
};
