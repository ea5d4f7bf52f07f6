import { SnaphookError } from '../../src/ports/errors.ts';
import { type HookPhase, type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { hookScript } from '../hook-script.ts';
import { commandInScript, commandLine, hookWords, withoutSpace } from '../typed-command.ts';

const NAME = 'kopia';

const PHASE_OF_ACTION: Readonly<Record<string, HookPhase>> = {
  'before-snapshot-root': 'pre',
  'after-snapshot-root': 'post',
};

/** Kopia: actions of a policy, which tell by variables what they are called for. */
export const kopia: Integration = {
  name: NAME,
  title: 'Kopia',
  read({ env }) {
    const action = env.KOPIA_ACTION ?? '';
    const phase = entryOf(PHASE_OF_ACTION, action);
    if (!phase) {
      throw new SnaphookError('E_USAGE', `KOPIA_ACTION "${action}" is not an action that snaphook is made for`, {
        hint: `Let Kopia call it as ${Object.keys(PHASE_OF_ACTION).join(' and ')} of a policy.`,
      });
    }
    return { phase, runId: env.KOPIA_SNAPSHOT_ID || undefined, instance: env.KOPIA_SOURCE_PATH || undefined };
  },
  stdout: ({ directory }) => `KOPIA_SNAPSHOT_PATH=${directory}\n`,
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  // 300 s where `kopia policy set` made the action, 180 s where the stored policy has no limit.
  limitSeconds: 180,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true },
  incrementals: 'by-comparison',
  installation: {
    settings: [
      { name: 'source', meaning: 'the folder under whose name Kopia keeps the snapshots; it has to be there' },
      { name: 'limitSeconds', meaning: 'how long Kopia waits for the hook', fallback: '1800' },
    ],
    items: (request) => {
      const script = hookScript(request, NAME, scriptLines(request));
      return [
        script,
        {
          kind: 'lines',
          where: 'a shell, as the user of Kopia',
          text: `${policy(request, withoutSpace(script.path))}\n`,
        },
        { kind: 'step', text: 'Connect to the repository with --enable-actions, or Kopia runs no action.' },
      ];
    },
  },
};

function scriptLines(request: InstallRequest): readonly string[] {
  const words = hookWords(NAME, undefined, request, request.settings.limitSeconds);
  const command = commandInScript(request.system, words);
  return request.system === 'windows' ? [command, 'exit /b %ERRORLEVEL%'] : [`exec ${command}`];
}

const policy = ({ system, settings }: InstallRequest, script: string): string =>
  commandLine(system, [
    ...['kopia', 'policy', 'set', settings.source ?? ''],
    `--before-snapshot-root-action=${script}`,
    `--after-snapshot-root-action=${script}`,
    '--action-command-mode=essential',
    `--action-command-timeout=${settings.limitSeconds}s`,
  ]);
