import { SnaphookError } from '../../src/ports/errors.ts';
import { type BackupOutcome, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { hookFile, requirePhase } from '../typed-command.ts';

const NAME = 'cohesity';

const LEVELS: Readonly<Record<string, string>> = { kRegular: 'incremental', kFull: 'full', kLog: 'log' };
const OUTCOMES: Readonly<Record<string, BackupOutcome>> = { SUCCEEDED: 'ok', ERRORED: 'failed' };
/** What may stand in the parameters field of the scripts. */
const VM_FROM_ENTITY = 'vm-from-entity';

/** Cohesity: pre- and post-scripts of a protection group, called for each object of it, all at once. */
export const cohesity: Integration = {
  name: NAME,
  title: 'Cohesity',
  read(call) {
    const phase = requirePhase(call);
    const { words, env } = call;
    const isVmFromEntity = readParameters(words);
    const entity = env.COHESITY_BACKUP_ENTITY || undefined;
    const level = env.COHESITY_BACKUP_TYPE || undefined;
    if (isVmFromEntity && entity === undefined) {
      throw new SnaphookError('E_USAGE', 'COHESITY_BACKUP_ENTITY is not set, which is to name the VM', {
        hint: `Let Cohesity call the script, or take "${VM_FROM_ENTITY}" out of its parameters.`,
      });
    }
    return {
      phase,
      job: env.COHESITY_JOB_NAME || undefined,
      // Of the protection group, not of its run: nothing tells runs apart.
      instance: env.COHESITY_JOB_ID || undefined,
      level: level === undefined ? undefined : (entryOf(LEVELS, level) ?? level),
      ...(entity !== undefined && { member: { name: entity } }),
      ...(isVmFromEntity && entity !== undefined && { vms: [entity] }),
      ...(phase === 'post' && { outcome: entryOf(OUTCOMES, env.COHESITY_JOB_STATUS) ?? 'unknown' }),
    };
  },
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: 900,
  incrementals: undefined,
  tellsOutcome: true,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedPre: true, postAfterFailedBackup: true },
  installation: {
    settings: [{ name: 'limitSeconds', meaning: 'timeout of the scripts, in seconds', fallback: '900' }],
    items: (request) => {
      const { limitSeconds = '900' } = request.settings;
      // The parameters field of the protection group is what the scripts are called with.
      const pre = hookFile(NAME, 'pre', request, { limitSeconds, passWords: true });
      const post = hookFile(NAME, 'post', request, { limitSeconds, passWords: true });
      return [
        pre,
        post,
        { kind: 'step', text: `Protection group, pre-script on the host that is the proxy: ${pre.path}` },
        { kind: 'step', text: `Post-script on the same host: ${post.path}` },
        {
          kind: 'step',
          text: limitSeconds === '0' ? 'Timeout of both: empty.' : `Timeout of both: ${limitSeconds} seconds or more.`,
        },
        {
          kind: 'step',
          text: 'Take "continue backup if script fails" off the pre-script: with it an empty folder is stored as a success.',
        },
      ];
    },
  },
};

/** True: the object has the name of the VM that it is about. */
function readParameters(words: readonly string[]): boolean {
  const given = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== '');
  const unknown = given.find((word) => word !== VM_FROM_ENTITY);
  if (unknown === undefined) return given.length > 0;
  throw new SnaphookError('E_USAGE', `script parameter "${unknown}" is unknown`, {
    hint: `Leave the parameters empty, or give "${VM_FROM_ENTITY}".`,
  });
}
