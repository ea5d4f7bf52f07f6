import { type Integration, NOTHING_PROMISED } from '../contract.ts';
import { hookFile, typedCall } from '../typed-command.ts';

const NAME = 'rubrik';

/** Rubrik: scripts of a fileset template, given by path. */
export const rubrik: Integration = {
  name: NAME,
  title: 'Rubrik (filesets)',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: NOTHING_PROMISED,
  incrementals: undefined,
  installation: {
    settings: [{ name: 'limitSeconds', meaning: "the template's script time-out, in seconds", fallback: '600' }],
    items(request) {
      const { limitSeconds = '' } = request.settings;
      const pre = hookFile(NAME, 'pre', request, { limitSeconds });
      const post = hookFile(NAME, 'post', request, { limitSeconds });
      return [
        pre,
        post,
        {
          kind: 'lines',
          where: 'the fileset template, by its API',
          text: `${JSON.stringify(
            {
              preBackupScript: pre.path,
              postBackupScript: post.path,
              backupScriptTimeout: Number(limitSeconds),
              backupScriptErrorHandling: 'abort',
            },
            undefined,
            2,
          )}\n`,
        },
        { kind: 'step', text: 'Let the fileset include the exportDirectory of the job.' },
        {
          kind: 'step',
          text: 'Where the API has `PrePostScript`: `scriptPath`, `timeoutMs` (milliseconds) and `failureHandling` say the same.',
        },
      ];
    },
  },
};
