import path from 'node:path';
import { SnaphookError } from '../../src/ports/errors.ts';
import {
  type BackupOutcome,
  type InstallItem,
  type InstallRequest,
  type Integration,
  NOTHING_PROMISED,
  type ProductCall,
} from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { shellWord } from '../quoting.ts';
import {
  fileNameOf,
  hookLine,
  PLAIN_PATH,
  requireLinux,
  requirePlain,
  selfRaisingFile,
  sudoersFile,
} from '../root-script.ts';
import { hookFolder } from '../typed-command.ts';

const LEVELS: Readonly<Record<string, string>> = { full: 'full', incr: 'incremental' };
const OUTCOMES: Readonly<Record<string, BackupOutcome>> = { '1': 'ok', '0': 'failed' };

/** `pre` or `post`, then the variables of BackupPC as `name=value`; words that nobody knows are left alone. */
function read([phase, ...words]: readonly string[]): ProductCall {
  if (phase !== 'pre' && phase !== 'post') {
    throw new SnaphookError('E_USAGE', `"${phase ?? ''}" is neither pre nor post`, {
      hint: 'The first word behind `--` tells the phase.',
    });
  }
  const told = new Map(words.map((word) => [word.split('=', 1)[0], word.slice(word.indexOf('=') + 1)]));
  const type = told.get('type') || undefined;
  const call: ProductCall = {
    phase,
    instance: told.get('client') || undefined,
    level: type && (entryOf(LEVELS, type) ?? type),
  };
  return phase === 'pre' ? call : { ...call, outcome: entryOf(OUTCOMES, told.get('ok')) ?? 'unknown' };
}

/** Between the single quotes of Perl. */
const perlWord = (text: string): string => `'${text.replace(/['\\]/g, String.raw`\$&`)}'`;

/**
 * Reads what was handed over, as root, and nothing else: the one word that it takes is a date. Options of tar, with which root could be made
 * to run anything, cannot be given.
 */
const tarLines = (directory: string): readonly string[] => [
  '[ $# -le 1 ] || { echo "usage: $0 [DATE]" >&2; exit 2; }',
  'PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C',
  'export PATH LC_ALL',
  `exec tar -c -v -f - --totals -C ${shellWord(directory)} \${1:+"--newer=$1"} .`,
];

function items(request: InstallRequest): readonly InstallItem[] {
  requireLinux(request, 'BackupPC');
  const { directory = '', user = 'backuppc', folder = hookFolder('linux') } = request.settings;
  const why = ': BackupPC cuts its commands at spaces and puts its variables in for `$`';
  requirePlain('folder', folder, PLAIN_PATH, why);
  if (!path.posix.isAbsolute(directory)) {
    throw new SnaphookError('E_USAGE', `directory "${directory}" is not an absolute path`, {
      hint: "Give the job's exportDirectory, as `--set directory=/...`.",
    });
  }
  const name = fileNameOf(request.job);
  const hook = `${folder}/backuppc-${name}`;
  const tar = `${folder}/backuppc-tar-${name}`;
  return [
    selfRaisingFile({ path: hook, lines: [hookLine(request, 'backuppc')] }),
    selfRaisingFile({ path: tar, lines: tarLines(directory) }),
    sudoersFile(`backuppc-${name}`, user, [hook, tar]),
    {
      kind: 'lines',
      where: "the host's own configuration, such as /etc/backuppc/HOST.pl",
      text: [
        `$Conf{DumpPreUserCmd} = '${hook} pre type=$type client=$client';`,
        `$Conf{DumpPostUserCmd} = '${hook} post type=$type client=$client ok=$xferOK';`,
        '$Conf{UserCmdCheckStatus} = 1;',
        "$Conf{XferMethod} = 'tar';",
        `$Conf{TarShareName} = [${perlWord(directory)}];`,
        `$Conf{TarClientCmd} = '${tar}';`,
        "$Conf{TarFullArgs} = '';",
        "$Conf{TarIncrArgs} = '$incrDate';",
      ].join('\n'),
    },
    {
      kind: 'step',
      text: `Check the rule of sudo: visudo -c, and as ${user}: test -x ${hook} && sudo -n -l ${hook} ${tar}.`,
    },
    {
      kind: 'step',
      text: `Let ${directory} and every folder above it be root's: root reads what is there, and ${user} gets it.`,
    },
    {
      kind: 'step',
      text: "Keep the time from snapshot to dump (limits.deadlineSeconds at most) and what guests' clocks are behind below one hour together: incremental dumps miss changes otherwise, and no guard tells.",
    },
    {
      kind: 'step',
      text: 'Where it is written by a web page, keep UserCmdCheckStatus at 1: BackupPC ignores a hook that fails without it.',
    },
  ];
}

/** BackupPC 4: DumpPreUserCmd and DumpPostUserCmd of a host, which is this machine. */
export const backuppc: Integration = {
  name: 'backuppc',
  title: 'BackupPC',
  read: ({ words }) => read(words),
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true },
  // By a time that is an hour before the last dump: as good as comparing for whoever keeps within that hour, see the README.
  incrementals: 'by-comparison',
  tellsOutcome: true,
  installation: {
    settings: [
      { name: 'directory', meaning: "the job's exportDirectory, which becomes the share" },
      { name: 'user', meaning: 'user of the BackupPC server', fallback: 'backuppc' },
      { name: 'folder', meaning: 'folder of the scripts, which only root may write to', fallback: hookFolder('linux') },
    ],
    items,
  },
};
