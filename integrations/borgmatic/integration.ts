import { SnaphookError } from '../../src/ports/errors.ts';
import { type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { yamlText } from '../quoting.ts';
import { requireLinux } from '../root-script.ts';
import { commandLine, hookWords, typedCall } from '../typed-command.ts';

const NAME = 'borgmatic';

/** borgmatic around Borg: commands of its configuration, run by `/bin/sh -c`. */
export const borgmatic: Integration = {
  name: NAME,
  title: 'borgmatic',
  read: typedCall,
  stdout: 'result',
  stderr: 'log',
  // Never 75: borgmatic takes that for "skip this" and reports success, or leaves the commands after out.
  exits: { degraded: 0, nothingToDo: 0, failed: 1 },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedBackup: true },
  incrementals: 'by-comparison',
  installation: {
    settings: [{ name: 'version', meaning: 'version of borgmatic, such as 1.7: how it writes hooks', fallback: '2.0' }],
    items: (request) => {
      requireLinux(request, 'borgmatic');
      return [
        { kind: 'lines', where: 'the configuration file of borgmatic', text: configuration(request) },
        {
          kind: 'step',
          text: 'Give this configuration file a call of borgmatic of its own, whose source_directories is the exportDirectory of the job.',
        },
        {
          kind: 'lines',
          where: 'a drop-in of the service that calls borgmatic, for the runs that are killed',
          text: dropIn(request),
        },
      ];
    },
  },
};

/** `runId`: what the shell puts in for it. */
const hook = (request: InstallRequest, phase: 'pre' | 'post', runId: string): string =>
  `exec ${commandLine('linux', hookWords(NAME, phase, request))} --run-id "${runId}"`;

/**
 * One id for all commands of one borgmatic, and another one for a borgmatic beside it: the shell's parent is borgmatic. In a service with the
 * drop-in it is the id that systemd gives to each start of it, as what systemd calls at its end cannot know borgmatic's process.
 * `INVOCATION_ID` alone would not do: whatever a service starts inherits it, so that several borgmatics may have the same.
 */
const SET_ID = 'if [ -n "$SNAPHOOK_SERVICE" ]; then id=$INVOCATION_ID; else id=$PPID; fi';

const dropIn = (request: InstallRequest): string =>
  [
    '[Service]',
    'Environment=SNAPHOOK_SERVICE=yes',
    `ExecStopPost=/bin/sh -c ${systemdWord(hook(request, 'post', '$INVOCATION_ID'))}`,
    '',
  ].join('\n');

function configuration(request: InstallRequest): string {
  const [before, after] = (['pre', 'post'] as const).map((phase) =>
    command(`${SET_ID}; ${hook(request, phase, '$id')}`),
  );
  const [major, minor] = versionOf(request);
  if (major >= 2) {
    const scope = (when: string, run = '') =>
      `    - ${when}: configuration\n      when: [create]\n      run: [${run}]\n`;
    return `commands:\n${scope('before', before)}${scope('after', after)}`;
  }
  const [section, indent] = major === 1 && minor < 8 ? ['hooks:\n', '    '] : ['', ''];
  return `${section}${indent}before_everything: [${before}]\n${indent}after_everything: [${after}]\n`;
}

/** Errors: `E_USAGE`. */
function versionOf({ settings: { version = '' } }: InstallRequest): readonly [major: number, minor: number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major !== undefined) return [Number(major), Number(minor)];
  throw new SnaphookError('E_USAGE', `"${version}" is not a version of borgmatic`, {
    hint: 'Give it as `borgmatic --version` does, such as 1.7.7.',
  });
}

/** Errors: `E_USAGE` for braces, in which borgmatic looks for names of its own. */
function command(line: string): string {
  if (!/[{}]/.test(line)) return yamlText(line);
  throw new SnaphookError('E_USAGE', `"${line}" cannot be a command of borgmatic`, {
    hint: 'Name the job, the program and the configuration without braces.',
  });
}

/** One word of a unit file: systemd knows escapes, percent signs and variables in it. */
const systemdWord = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
