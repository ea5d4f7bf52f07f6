import path from 'node:path';
import { SnaphookError } from '../../src/ports/errors.ts';
import { type BackupOutcome, type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { entryOf } from '../entry-of.ts';
import { hookScript } from '../hook-script.ts';
import { commandInScript, hookWords, withoutSpace } from '../typed-command.ts';

const NAME = 'duplicati';

const OUTCOMES: Readonly<Record<string, BackupOutcome>> = {
  Success: 'ok',
  Warning: 'warning',
  Error: 'failed',
  Fatal: 'failed',
};

/** Duplicati: scripts of a backup, which get all its options as variables, and may change them by what they print. */
export const duplicati: Integration = {
  name: NAME,
  title: 'Duplicati',
  read({ env }) {
    const event = env.DUPLICATI__EVENTNAME ?? '';
    if (!['BEFORE', 'AFTER', 'POST-BACKUP'].includes(event)) {
      throw new SnaphookError('E_USAGE', `DUPLICATI__EVENTNAME "${event}" is not known`, {
        hint: 'Let Duplicati call the script as run-script-before-required and run-script-after.',
      });
    }
    const job = env.DUPLICATI__backup_name || undefined;
    // Restores, compactions and all else call the same scripts.
    if (env.DUPLICATI__OPERATIONNAME !== 'Backup' || event === 'POST-BACKUP') return { phase: 'none' };
    if (isOn(env.DUPLICATI__dry_run)) return event === 'BEFORE' ? { phase: 'check', job } : { phase: 'none' };
    if (event === 'BEFORE') return { phase: 'pre', job };
    return { phase: 'post', job, outcome: entryOf(OUTCOMES, env.DUPLICATI__PARSED_RESULT) ?? 'unknown' };
  },
  // Lines of options replace those of the backup. A path that would be cut at the separator stays what the backup says.
  stdout: ({ directory }) => (directory.includes(path.delimiter) ? '' : `--localpath=${directory}\n`),
  // Every line becomes a warning in the report of the backup.
  stderr: 'reason',
  // 2: run, with a warning. 5: an error, and no backup.
  exits: { degraded: 2, nothingToDo: 0, failed: 5 },
  limitSeconds: 60,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true },
  incrementals: undefined,
  tellsOutcome: true,
  installation: {
    settings: [{ name: 'limitSeconds', meaning: 'how long Duplicati waits for the script', fallback: '1800' }],
    items: (request) => {
      const script = hookScript(request, NAME, scriptLines(request));
      const options = [
        `--run-script-before-required=${withoutSpace(script.path)}`,
        `--run-script-after=${withoutSpace(script.path)}`,
        `--run-script-timeout=${request.settings.limitSeconds}s`,
      ];
      return [
        script,
        { kind: 'lines', where: 'the advanced options of the backup, edited as text', text: `${options.join('\n')}\n` },
        { kind: 'step', text: 'Let the source data of the backup be the exportDirectory of the job.' },
      ];
    },
  },
};

const isOn = (option: string | undefined): boolean => option !== undefined && !/^(false|0|no|off)$/i.test(option);

function scriptLines(request: InstallRequest): readonly string[] {
  const words = hookWords(NAME, undefined, request, request.settings.limitSeconds);
  const command = commandInScript(request.system, words);
  // An exit code of 1, of a program that could not even start, would let Duplicati skip the backup and say nothing.
  if (request.system === 'windows') return [command, 'if %ERRORLEVEL% EQU 1 exit /b 5', 'exit /b %ERRORLEVEL%'];
  // The parent is Duplicati, which does one thing at a time.
  return [`${command} --run-id "$PPID"`, 'code=$?', 'if [ "$code" -eq 1 ]; then exit 5; fi', 'exit "$code"'];
}
