import { type Integration, NOTHING_PROMISED } from '../contract.ts';
import { hookFile, typedCall } from '../typed-command.ts';

const NAME = 'avamar';

/** Dell Avamar: scripts of the file-system plug-in, `run_at_start` and `run_at_end`. */
export const avamar: Integration = {
  name: NAME,
  title: 'Dell Avamar',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: NOTHING_PROMISED,
  incrementals: undefined,
  installation: {
    settings: [
      { name: 'folder', meaning: 'where the plug-in looks for scripts', fallback: '/usr/local/avamar/etc/scripts' },
      { name: 'limitSeconds', meaning: "the script's maximum run time in the dataset, in seconds", fallback: '600' },
    ],
    items(request) {
      const { folder = '', limitSeconds = '' } = request.settings;
      const isWindows = request.system === 'windows';
      const place = { limitSeconds, ...(isWindows ? {} : { folder }) };
      const files = (['pre', 'post'] as const).map((phase) => hookFile(NAME, phase, request, place));
      const [pre, post] = files.map(({ path }) => path.split(/[\\/]/).at(-1));
      return [
        ...files,
        {
          kind: 'lines',
          where: 'the options of the plug-in in the dataset',
          text: `run_at_start=${pre}\nrun_at_end=${post}\n`,
        },
        ...(isWindows
          ? [{ kind: 'step', text: "Move both files into the plug-in's folder of scripts." } as const]
          : []),
        {
          kind: 'step',
          text: 'Tick the box that aborts the backup when the script before it fails: without it the backup goes on without images.',
        },
        { kind: 'step', text: `Set the maximum run time of both scripts to ${limitSeconds} seconds.` },
      ];
    },
  },
};
