import { SnaphookError } from '../../src/ports/errors.ts';
import {
  type InstallItem,
  type InstallRequest,
  type Integration,
  NOTHING_PROMISED,
  type RawCall,
} from '../contract.ts';
import { commandInScript, hookWords } from '../typed-command.ts';
import { levelOf, nameOfPolicy, outcomeOfClient } from './notify-words.ts';

const NAME = 'netbackup';
const DEFAULT_FOLDERS = {
  linux: '/usr/openv/netbackup/bin',
  windows: String.raw`C:\Program Files\Veritas\NetBackup\bin`,
};

/** Veritas (Cohesity) NetBackup: bpstart_notify and bpend_notify on the client that owns the file list, once for each stream. */
export const netBackupOn = (platform: NodeJS.Platform): Integration => ({
  name: NAME,
  title: 'NetBackup',
  read(call) {
    const { phase, words } = call;
    if (!phase) throw new SnaphookError('E_USAGE', 'nothing says whether this is bpstart_notify or bpend_notify');
    const [client, policy, , type, status, resultFile] = words;
    const member = streamOf(call);
    return {
      phase,
      job: policy || undefined,
      instance: client || undefined,
      // Each stream has an id of its own: what they have in common has none.
      runId: member ? undefined : call.env.BACKUPID || undefined,
      level: levelOf(type),
      ...(member && { member }),
      ...(phase === 'post' && { outcome: outcomeOfClient(status) }),
      // On UNIX the exit code is the result, and no word of later versions may name a file that root writes.
      ...(platform === 'win32' && resultFile && { resultFile }),
    };
  },
  // On UNIX the client writes backup data to the same stdout.
  stdout: 'silent',
  stderr: 'silent',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: 300,
  incrementals: undefined,
  guarantees: NOTHING_PROMISED,
  installation: {
    settings: [
      { name: 'policy', meaning: 'policy whose backups are meant' },
      { name: 'schedule', meaning: 'schedule of the policy; empty: all', fallback: '' },
      { name: 'limitSeconds', meaning: 'BPSTART_TIMEOUT and BPEND_TIMEOUT of the server', fallback: '300' },
      { name: 'folder', meaning: "NetBackup's folder bin; empty: the usual one", fallback: '' },
    ],
    items: (request) => {
      const { limitSeconds = '300' } = request.settings;
      return [
        notifyFile(request, 'pre'),
        notifyFile(request, 'post'),
        { kind: 'step', text: 'Backup selections of the policy: the exportDirectory of the job, on this client.' },
        ...(request.system === 'windows' ? [ONE_STREAM] : []),
        {
          kind: 'step',
          text: `On the server, in bp.conf or the host properties of the media and primary server: BPSTART_TIMEOUT, BPEND_TIMEOUT and CLIENT_READ_TIMEOUT of ${limitSeconds} or more.`,
        },
      ];
    },
  },
});

export const netBackup = netBackupOn(process.platform);

/** No variable tells the scripts there of which stream they are. */
const ONE_STREAM: InstallItem = {
  kind: 'step',
  text: 'Attributes of the policy: take "Allow multiple data streams" off. On Windows the end of one stream would release what the others read.',
};

/** Undefined for a backup that is one stream, or of which nothing tells that it is more. */
function streamOf({ env }: RawCall): { readonly name: string; readonly of?: number } | undefined {
  const [number, count] = [env.STREAM_NUMBER ?? '', env.STREAM_COUNT ?? ''].map((text) =>
    /^\d{1,5}$/.test(text) ? Number(text) : 0,
  );
  if (!number || !count || count < 2) return undefined;
  // A stream that is started again comes alone: nobody waits for the other ones to come again.
  return env.RESTARTED === '1' ? { name: String(number) } : { name: String(number), of: count };
}

function notifyFile(request: InstallRequest, phase: 'pre' | 'post'): InstallItem {
  const { system, settings } = request;
  const { policy, schedule, limitSeconds = '300', folder } = settings;
  const name = [phase === 'pre' ? 'bpstart_notify' : 'bpend_notify', nameOfPolicy('policy', policy)];
  if (schedule) name.push(nameOfPolicy('schedule', schedule));
  const command = commandInScript(system, hookWords(NAME, phase, request, limitSeconds));
  if (system === 'linux') {
    const path = `${folder || DEFAULT_FOLDERS.linux}/${name.join('.')}`;
    return {
      kind: 'file',
      path,
      mode: 0o755,
      owner: 'root',
      content: `#!/bin/sh\nexec ${command} -- "$@" </dev/null >/dev/null\n`,
    };
  }
  const path = `${folder || DEFAULT_FOLDERS.windows}\\${name.join('.')}.bat`;
  // NetBackup reads the file that it names, not the exit code; without the file it takes the hook for a success. The redirection stands
  // first, as a digit before it would be a handle.
  const content = ['@echo off', '>"%~6" echo 1', `${command} -- %*`, 'exit /b %ERRORLEVEL%', ''].join('\r\n');
  return { kind: 'file', path, mode: 0o644, content };
}
