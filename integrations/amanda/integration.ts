import { SnaphookError } from '../../src/ports/errors.ts';
import {
  type HookPhase,
  type InstallItem,
  type InstallRequest,
  type Integration,
  NOTHING_PROMISED,
  type ProductCall,
} from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import {
  fileNameOf,
  hookLine,
  PLAIN_PATH,
  requireLinux,
  requirePlain,
  selfRaisingFile,
  sudoersFile,
} from '../root-script.ts';

/** What Amanda asks a script before it calls it: what it may be told, and how it answers. */
const SUPPORT = [
  'CONFIG YES',
  'HOST YES',
  'DISK YES',
  'MESSAGE-LINE YES',
  'MESSAGE-XML NO',
  'EXECUTE-WHERE YES',
  'TIMESTAMP YES',
  '',
].join('\n');

const PHASES: Readonly<Record<string, HookPhase>> = {
  'PRE-DLE-AMCHECK': 'check',
  'PRE-DLE-ESTIMATE': 'pre',
  'PRE-DLE-BACKUP': 'pre',
  'POST-DLE-BACKUP': 'post',
  // Of the server alone, at the end of all: a DLE that was estimated and not backed up is over, too.
  'POST-BACKUP': 'post',
};
const KNOWN_WORD = /^(PRE|POST)-((DLE|HOST)-)?(AMCHECK|ESTIMATE|BACKUP|RECOVER|LEVEL-RECOVER|INTER-LEVEL-RECOVER)$/;

function read([word = '', ...words]: readonly string[]): ProductCall {
  if (word === 'support') return { phase: 'none', answer: SUPPORT };
  const phase = entryOf(PHASES, word);
  if (!phase) {
    if (KNOWN_WORD.test(word)) return { phase: 'none' };
    throw new SnaphookError('E_USAGE', `"${word}" is no phase of an Amanda script`, {
      hint: 'Amanda calls its scripts with `support`, or with a phase in capitals and options: pass all of them behind `--`.',
    });
  }
  const told = optionsOf(words);
  const first = (name: string) => told.get(name)?.[0];
  if (phase !== 'post' && first('execute-where') === 'server') {
    throw new SnaphookError('E_USAGE', `${word} was called with execute-where server`, {
      hint: 'What is backed up has to be prepared where it is read: set execute-where client.',
    });
  }
  return {
    phase,
    instance: ['config', 'host', 'disk'].map((name) => first(name) ?? '').join(':'),
    runId: first('timestamp') || undefined,
    level: levelOf(told.get('level') ?? []),
    // Estimate and backup of one run see one snapshot, and so does what Amanda tries again within the run.
    ...(phase === 'pre' && { goesOn: true }),
  };
}

/** Pairs of `--name value`; a name may come several times, and a value may look like a name. */
function optionsOf(words: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const options = new Map<string, string[]>();
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (!word.startsWith('--')) continue;
    index += 1;
    const name = word.slice(2);
    options.set(name, [...(options.get(name) ?? []), words[index] ?? '']);
  }
  return options;
}

/** An estimate is asked for several levels, of which one will be chosen. */
function levelOf(levels: readonly string[]): string | undefined {
  const [only, ...others] = levels.filter((level) => level !== '');
  if (only === undefined) return undefined;
  if (others.length > 0) return `one of ${[only, ...others].join(', ')}`;
  if (only === '0') return 'full';
  return /^\d+$/.test(only) ? 'incremental' : only;
}

const targetLine = (directory: string): string => `PROPERTY target ${directory}\n`;

function items(request: InstallRequest): readonly InstallItem[] {
  requireLinux(request, 'Amanda');
  const { settings, job } = request;
  const { folder = '/usr/lib/amanda/application', user = 'backup', limitSeconds: limit = '300' } = settings;
  requirePlain('folder', folder, PLAIN_PATH, ': it stands in a rule of sudo');
  requirePlain('limitSeconds', limit, /^\d+$/);
  const name = fileNameOf(job);
  const plugin = `snaphook-${name}`;
  const script = `${folder}/${plugin}`;
  const application = `snaphook-tar-${name}`;
  return [
    selfRaisingFile({
      path: script,
      lines: [hookLine(request, 'amanda', limit)],
    }),
    sudoersFile(`amanda-${name}`, user, [script]),
    {
      kind: 'lines',
      where: 'amanda.conf of the Amanda server',
      text: [
        `define script-tool ${plugin} {`,
        `  plugin "${plugin}"`,
        '  execute-where client',
        '  execute-on pre-dle-amcheck, pre-dle-estimate, pre-dle-backup, post-dle-backup',
        '}',
        `define application-tool ${application} {`,
        '  plugin "amgtar"',
        '  property "ONE-FILE-SYSTEM" "NO"',
        '  property "CHECK-DEVICE" "NO"',
        '  property "XATTRS" "YES"',
        '}',
        `define dumptype ${plugin} {`,
        '  program "APPLICATION"',
        `  application "${application}"`,
        `  script "${plugin}"`,
        '}',
      ].join('\n'),
    },
    {
      kind: 'lines',
      where: 'disklist of the Amanda server; HOST is this machine, and there need be nothing at the path',
      text: `HOST ${name} /snaphook/${name} ${plugin}`,
    },
    { kind: 'step', text: "Make the job's exportDirectory, which amcheck wants to see, once." },
    {
      kind: 'step',
      text: `Set etimeout (for the hook before an estimate) to at least ${limit}, and ctimeout for amcheck to 120, in amanda.conf.`,
    },
    {
      kind: 'step',
      text: `Check the rule of sudo: visudo -c, and as ${user}: test -x ${script} && sudo -n -l ${script}. Then run amcheck.`,
    },
  ];
}

/** Amanda 3.5: a script-tool of a disk list entry (DLE), on the client that is the backup proxy. */
export const amanda: Integration = {
  name: 'amanda',
  title: 'Amanda',
  read: ({ words }) => read(words),
  // Amanda hands the property to the application that reads the data.
  stdout: ({ directory }) => targetLine(directory),
  previewStdout: targetLine,
  // The first line becomes the reason in Amanda's report.
  stderr: 'reason',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: 300,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true, sameIdOnRetry: true },
  incrementals: 'by-time',
  installation: {
    settings: [
      {
        name: 'limitSeconds',
        meaning:
          'how long the Amanda server waits for the hook: etimeout, or dtimeout where estimates are made by the server',
        fallback: '300',
      },
      { name: 'user', meaning: 'user of the Amanda client', fallback: 'backup' },
      { name: 'folder', meaning: "folder of Amanda's applications", fallback: '/usr/lib/amanda/application' },
    ],
    items,
  },
};
