import { SnaphookError } from '../../src/ports/errors.ts';
import { type HookPhase, type InstallRequest, type Integration, NOTHING_PROMISED, type RawCall } from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { hookScript } from '../hook-script.ts';
import { shellWord } from '../quoting.ts';
import { requireLinux } from '../root-script.ts';
import { commandLine, hookWords, typedCall } from '../typed-command.ts';

const NAME = 'urbackup';

/** UrBackup's client: its snapshot scripts, or prefilebackup and postfilebackup. */
export const urbackup: Integration = {
  name: NAME,
  title: 'UrBackup',
  read(call) {
    const { phase } = typedCall(call);
    return snapshotCall(call, phase) ?? { phase, ...fileBackup(call.words, phase) };
  },
  stdout: (_run, { answer }) => answer ?? '',
  // Goes into the same log as stdout, line by line.
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: undefined,
  guarantees: NOTHING_PROMISED,
  incrementals: undefined,
  installation: {
    settings: [{ name: 'directory', meaning: 'the exportDirectory of the job, which has to be there' }],
    items: (request) => {
      requireLinux(request, 'UrBackup');
      const create = hookScript(request, 'urbackup-create', createLines(request));
      const remove = hookScript(request, 'urbackup-remove', [`exec ${hook(request, 'post')} -- "$@"`]);
      const lines = [`create_filesystem_snapshot=${create.path}`, `remove_filesystem_snapshot=${remove.path}`];
      return [
        create,
        remove,
        { kind: 'lines', where: '/usr/local/etc/urbackup/snapshot.cfg of the client', text: `${lines.join('\n')}\n` },
        { kind: 'step', text: 'Let the exportDirectory of the job be a directory to back up of this client.' },
      ];
    },
  },
};

/** `GUID, mount point, directory, path[, client]`, where the first word of the other scripts is a small number. */
function snapshotCall({ words }: RawCall, phase: HookPhase) {
  const [guid = '', mountPoint] = words;
  if (guid === '' || /^\d{1,9}$/.test(guid)) return undefined;
  if (phase === 'post') return { phase, runId: guid } as const;
  if (mountPoint) return { phase, runId: guid, answer: `SNAPSHOT=${mountPoint}\n` } as const;
  throw new SnaphookError('E_USAGE', `UrBackup names no mount point for its snapshot "${guid}"`);
}

const LEVELS: Readonly<Record<string, string>> = { '0': 'full', '1': 'incremental' };

/** prefilebackup: `0 or 1, token of the server, group`. */
function fileBackup([kind, token]: readonly string[], phase: HookPhase) {
  if (phase === 'post' || kind === undefined) return {};
  return { level: entryOf(LEVELS, kind), instance: token || undefined };
}

const hook = (request: InstallRequest, phase: 'pre' | 'post'): string =>
  commandLine('linux', hookWords(NAME, phase, request));

/**
 * UrBackup makes one snapshot of each file system, for the first of its directories that it comes to, and looks for a directory in a
 * snapshot by its path below the mount point. The hand-over directory is filled where it is: its file system stands for itself.
 */
const createLines = (request: InstallRequest): readonly string[] => [
  '# $1 is the id of the snapshot, $2 the mount point of the file system that is wanted.',
  'wanted=$(stat -c %d -- "$2") || exit 1',
  `filled=$(stat -c %d -- ${shellWord(request.settings.directory ?? '')}) || exit 1`,
  'if [ "$wanted" != "$filled" ]; then',
  '  echo SNAPSHOT=none',
  '  exit 0',
  'fi',
  `exec ${hook(request, 'pre')} -- "$@"`,
];
