import path from 'node:path';
import { SnaphookError } from '../../src/ports/errors.ts';
import { type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { yamlText } from '../quoting.ts';
import { commandLine, hookWords, typedCall } from '../typed-command.ts';

const NAME = 'resticprofile';

/** resticprofile around restic: commands of a profile, run by `sh -c` or cmd.exe. */
export const resticprofile: Integration = {
  name: NAME,
  title: 'resticprofile',
  read(call) {
    const { phase } = typedCall(call);
    const instance = call.env.PROFILE_NAME || undefined;
    if (phase !== 'post') return { phase, instance };
    return { phase, instance, outcome: call.env.ERROR_EXIT_CODE || call.env.ERROR ? 'failed' : 'ok' };
  },
  // For the file of variables that restic and later commands of the profile get.
  stdout: ({ directory, manifest }) =>
    `SNAPHOOK_DIRECTORY=${directory}\nSNAPHOOK_MANIFEST=${path.join(directory, manifest)}\n`,
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedPre: true, postAfterFailedBackup: true },
  incrementals: 'by-comparison',
  tellsOutcome: true,
  installation: {
    settings: [{ name: 'profile', meaning: 'the profile of resticprofile', fallback: 'default' }],
    items: (request) => [
      { kind: 'lines', where: 'profiles.yaml of resticprofile', text: profile(request) },
      {
        kind: 'step',
        text: 'Let `source` of the section `backup` be the exportDirectory of the job, and schedule the profile so that it never runs twice at once.',
      },
    ],
  },
};

/** Errors: `E_USAGE` for what resticprofile, which takes its whole file for a template, would replace. */
function plainText(text: string): string {
  if (!text.includes('{{')) return text;
  throw new SnaphookError('E_USAGE', `${JSON.stringify(text)} cannot be written into profiles.yaml`, {
    hint: 'Choose a name without "{{", which begins a template there.',
  });
}

function profile(request: InstallRequest): string {
  // The shell's parent is resticprofile: one id for all its commands. cmd.exe cannot tell its parent.
  const id = request.system === 'windows' ? '' : ' --run-id "$PPID"';
  const hook = (phase: 'pre' | 'post') =>
    `${plainText(commandLine(request.system, hookWords(NAME, phase, request)))}${id}`;
  return [
    `${yamlText(plainText(request.settings.profile ?? 'default'))}:`,
    '  backup:',
    `    run-before: ${yamlText(`${hook('pre')} >> "{{ env }}"`)}`,
    `    run-finally: ${yamlText(hook('post'))}`,
    '',
  ].join('\n');
}
