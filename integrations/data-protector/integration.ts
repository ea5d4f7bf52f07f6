import { type BackupOutcome, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { commandLine, hookWords, requirePhase } from '../typed-command.ts';

const NAME = 'data-protector';
const isWindows = process.platform === 'win32';

/** SMEXIT of the session, as the vendor's manual has it. */
const OUTCOMES: Readonly<Record<string, BackupOutcome>> = {
  '0': 'ok',
  '10': 'warning',
  '11': 'failed',
  '12': 'failed',
  '13': 'cancelled',
};

/** OpenText (Micro Focus, HP) Data Protector: pre- and post-exec of a backup specification, which tell all by variables. */
export const dataProtector: Integration = {
  name: NAME,
  title: 'OpenText Data Protector',
  read(call) {
    const phase = requirePhase(call);
    const { env } = call;
    const isPreview = env.PREVIEW === '1';
    if (isPreview && phase === 'post') return { phase: 'none' };
    return {
      phase: isPreview ? 'check' : phase,
      job: env.DATALIST || undefined,
      // SESSIONID is that of a session that has ended: the two calls of one session need not have the same.
      runId: env.SESSIONKEY || undefined,
      level: levelOf(env.MODE || undefined),
      ...(phase === 'post' && { outcome: entryOf(OUTCOMES, env.SMEXIT) ?? 'unknown' }),
    };
  },
  stdout: 'result',
  stderr: 'log',
  // A session on Windows fails when the code is below 0 only.
  exits: { degraded: isWindows ? 3 : 0, nothingToDo: 0, failed: isWindows ? -1 : 'own' },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true, mayOverlap: false },
  incrementals: undefined,
  tellsOutcome: true,
  installation: {
    settings: [],
    items: (request) => [
      {
        kind: 'lines',
        where: 'the Pre-exec of the backup specification, on the host that is the proxy',
        text: `${commandLine(request.system, hookWords(NAME, 'pre', request))}\n`,
      },
      {
        kind: 'lines',
        where: 'the Post-exec of the backup specification, on the same host',
        text: `${commandLine(request.system, hookWords(NAME, 'post', request))}\n`,
      },
      { kind: 'step', text: "Let the specification's object be the exportDirectory of the job." },
      {
        kind: 'step',
        text: 'Keep `limits.heartbeatSeconds` of the job below the global option ScriptOutputTimeout (15 minutes): a command that is silent for longer is ended.',
      },
    ],
  },
};

const levelOf = (mode: string | undefined): string | undefined => (mode?.startsWith('incr') ? 'incremental' : mode);
