import { type Integration, NOTHING_PROMISED } from '../contract.ts';
import { hookFile, requirePhase } from '../typed-command.ts';
import { ancestorsOfThisProcess } from './ancestors.ts';

const NAME = 'veeam';
const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** The process that runs the job names job and session in its command line, and calls the script itself or through a shell. */
function jobAndSession(ancestors: readonly string[]): { readonly job?: string; readonly session?: string } {
  for (const commandLine of ancestors) {
    const [job, session] = /veeam/i.test(commandLine) ? (commandLine.match(GUID) ?? []) : [];
    if (job && session) return { job: job.toLowerCase(), session: session.toLowerCase() };
  }
  return {};
}

/** `ancestors`: command lines of the processes above this one, nearest first. */
export const veeamWith = (ancestors: () => readonly string[]): Integration => ({
  name: NAME,
  title: 'Veeam Backup & Replication',
  read(call) {
    const phase = requirePhase(call);
    const { job, session } = jobAndSession(ancestors());
    // Whether a job that is tried again has the session of its first try nobody could confirm: post ends what the job has open.
    return phase === 'pre' ? { phase, job, runId: session } : { phase, job };
  },
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: 600,
  incrementals: undefined,
  guarantees: NOTHING_PROMISED,
  installation: {
    settings: [{ name: 'limitSeconds', meaning: 'how long the job waits for a script, in seconds', fallback: '600' }],
    items: (request) => {
      const { limitSeconds = '600' } = request.settings;
      const isWindows = request.system === 'windows';
      const file = (phase: 'pre' | 'post') => {
        if (isWindows) return hookFile(NAME, phase, request, { limitSeconds });
        const hook = hookFile(NAME, phase, request, { folder: '/var/lib/veeam/scripts', limitSeconds });
        return { ...hook, path: `${hook.path}.sh` };
      };
      const [pre, post] = [file('pre'), file('post')];
      return [
        pre,
        post,
        { kind: 'step', text: `Job > Storage > Advanced > Scripts, run before the job: ${pre.path}` },
        { kind: 'step', text: `Run after the job: ${post.path}` },
        {
          kind: 'step',
          text: 'Run the scripts with every backup session (every 1 session, all days): without them a session stores what is not there.',
        },
      ];
    },
  },
});

export const veeam = veeamWith(ancestorsOfThisProcess);
