import { SnaphookError } from '../../src/ports/errors.ts';
import { type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { commandLine, hookFile, hookWords, typedCall, withoutSpace } from '../typed-command.ts';

const NAME = 'networker';

/** Dell NetWorker with `savepnpc`: one command before and one after all save sets of a client in a group. */
export const networker: Integration = {
  name: NAME,
  title: 'Dell NetWorker (savepnpc)',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true, postAfterCancel: true },
  incrementals: undefined,
  installation: {
    settings: [
      { name: 'group', meaning: 'the NetWorker group, or the workflow, of the client' },
      {
        name: 'timeout',
        meaning: 'when the command after the backup is started even if the backup is not over',
        fallback: '24 hours',
      },
    ],
    items(request) {
      const { group = '', timeout = '' } = request.settings;
      const isWindows = request.system === 'windows';
      const files = isWindows ? [hookFile(NAME, 'pre', request), hookFile(NAME, 'post', request)] : [];
      const [pre, post] = isWindows
        ? files.map(({ path }) => withoutSpace(path))
        : (['pre', 'post'] as const).map((phase) => commandLine(request.system, hookWords(NAME, phase, request)));
      const folder = isWindows ? String.raw`C:\Program Files\EMC NetWorker\nsr\res` : '/nsr/res';
      return [
        ...files,
        {
          kind: 'lines',
          where: `${folder}${isWindows ? '\\' : '/'}${group}.res of the client; NetWorker makes it at the first savepnpc of the group`,
          text: [
            'type: savepnpc;',
            `precmd: ${resourceValue(request, pre ?? '')};`,
            `pstcmd: ${resourceValue(request, post ?? '')};`,
            `timeout: ${resourceValue(request, timeout)};`,
            'abort precmd with group: No;',
            '',
          ].join('\n'),
        },
        { kind: 'step', text: "Let the client resource's backup command be savepnpc." },
        {
          kind: 'step',
          text: 'Let its save set be the exportDirectory of the job.',
        },
        {
          kind: 'step',
          text: 'Keep `timeout` longer than the longest backup: when it is over the images are taken away, whatever still reads them.',
        },
      ];
    },
  },
};

/** Errors: `E_USAGE` for what would end the value of a resource file early. */
function resourceValue({ job }: InstallRequest, text: string): string {
  if (!/["\n;]/.test(text)) return `"${text}"`;
  throw new SnaphookError('E_USAGE', `job "${job}" cannot be written into a NetWorker resource file`, {
    hint: 'Name job, program and configuration file without quotes and semicolons.',
  });
}
