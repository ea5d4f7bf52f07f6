import { type ErrorDetails, SnaphookError } from '../../ports/errors.ts';
import type { ExcludedComponent, WriterStatus } from '../../ports/guest.ts';
import { excerpt } from '../lines.ts';
import { SshError, type SshProblem } from '../ssh/ssh-error.ts';
import { type SshAdvice, sshGuestError } from '../ssh/ssh-guest-errors.ts';
import { type GuestContext, notInstalled } from './guest-context.ts';
import type { EventOf, HelperEnd } from './helper-facts.ts';
import { ScriptError } from './powershell.ts';
import { VSS_HELPER_PROTOCOL } from './vss-helper-protocol.ts';
import { adviceFor, isOfService, mayPass, nameOfResult } from './vss-results.ts';
import { WinRmError } from './winrm/winrm-error.ts';
import { winRmGuestError } from './winrm-guest-errors.ts';
import { failedRequired } from './writers.ts';

const quoted = ({ name }: GuestContext): string => `"${name}"`;

/** Turns whatever a guest operation threw into the error users see. `effect`: what the failed call may have done. */
export function guestError(
  context: GuestContext,
  thrown: unknown,
  effect: NonNullable<ErrorDetails['effect']> = 'none',
): SnaphookError {
  if (thrown instanceof SnaphookError) return thrown;
  if (thrown instanceof ScriptError) return scriptFailed(context, thrown);
  if (thrown instanceof SshError) return windowsSshError(context, thrown.problem, effect);
  if (thrown instanceof WinRmError) return winRmGuestError(context, thrown.problem, effect);
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return new SnaphookError('E_DEADLINE', `guest ${quoted(context)} did not answer in the time given`, { effect });
  }
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new SnaphookError('E_INTERRUPTED', `the work in guest ${quoted(context)} was interrupted`, { effect });
  }
  return new SnaphookError('E_GUEST', `guest ${quoted(context)} failed: ${excerpt(String(thrown))}`, {
    cause: thrown,
    effect,
  });
}

const SSH_ADVICE: SshAdvice = {
  unreachable: "Check address and port of the guest's settings, the firewall, and in the guest: Get-Service sshd",
  fingerprints: 'Get-ChildItem C:\\ProgramData\\ssh\\ssh_host_*.pub | ForEach-Object { ssh-keygen -lf $_ }',
  login:
    'and where its key belongs: for administrators C:\\ProgramData\\ssh\\administrators_authorized_keys in the guest',
  refused: 'Check ForceCommand, AllowUsers and MaxSessions in C:\\ProgramData\\ssh\\sshd_config of the guest.',
};

const windowsSshError = (
  { name, settings: { access } }: GuestContext,
  problem: SshProblem,
  effect: NonNullable<ErrorDetails['effect']>,
): SnaphookError => sshGuestError({ name, ...access }, problem, SSH_ADVICE, effect);

const SCRIPT_ADVICE: Readonly<Record<ScriptError['problem'], string>> = {
  hash: 'What arrived is not what was sent. Try again; if it happens again, something between here and the guest changes it.',
  cut: 'Not everything arrived, and nothing was changed. Try again.',
  language:
    'PowerShell in the guest may not call methods (constrained language mode), so this cannot be done from here; do it in the guest.',
  error: 'Check free space in the guest, rights of the account, and what else works with the file.',
  lost: 'Check that PowerShell runs in the guest for this account, and what protects it from scripts.',
};

function scriptFailed(context: GuestContext, { purpose, problem, message }: ScriptError): SnaphookError {
  const words = excerpt(message);
  return new SnaphookError(
    'E_GUEST',
    `guest ${quoted(context)} did not ${purpose} (${problem})${words && `: ${words}`}`,
    { hint: SCRIPT_ADVICE[problem], retry: 'safe' },
  );
}

/** The helper ended, or its shell did, while something was expected from it. */
export function helperEnded(
  context: GuestContext,
  end: HelperEnd,
  effect: NonNullable<ErrorDetails['effect']> = 'none',
): SnaphookError {
  if (end.kind === 'shell-gone') {
    return new SnaphookError(
      'E_GUEST_HELPER',
      `the remote shell of the VSS helper in guest ${quoted(context)} is gone`,
      {
        hint: 'Check whether the guest restarted, or somebody ended the shell: winrm enumerate shell',
        effect,
      },
    );
  }
  const words = excerpt(end.stderr);
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the VSS helper in guest ${quoted(context)} ended by itself, exit code ${end.exitCode ?? 'unknown'}${words && `: ${words}`}`,
    { hint: 'Read the Application event log of the guest around this time.', effect },
  );
}

/** The helper ended before it said anything: most likely it is not there. */
export function helperNeverSpoke(context: GuestContext, end: HelperEnd): SnaphookError {
  if (end.kind === 'shell-gone') return helperEnded(context, end);
  const words = excerpt(end.stderr);
  return notInstalled(context, `exit code ${end.exitCode ?? 'unknown'}${words && `: ${words}`}`);
}

export function wrongProtocol(context: GuestContext, hello: EventOf<'hello'>): SnaphookError {
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the VSS helper "${excerpt(hello.helper)}" in guest ${quoted(context)} speaks protocol ${hello.protocol}, not ${VSS_HELPER_PROTOCOL}`,
    { hint: `Install the VSS helper that belongs to this version of snaphook: snaphook guest install ${context.name}` },
  );
}

export function notOfTheProtocol(
  context: GuestContext,
  line: string,
  effect: NonNullable<ErrorDetails['effect']> = 'none',
): SnaphookError {
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the VSS helper in guest ${quoted(context)} wrote something outside its protocol: ${excerpt(line)}`,
    { hint: 'Check that helperPath names the snaphook VSS helper of this version.', effect },
  );
}

export function writerFailed(context: GuestContext, writer: WriterStatus, when: string): SnaphookError {
  return new SnaphookError(
    'E_WRITER_FAILED',
    `VSS writer "${excerpt(writer.name)}" of guest ${quoted(context)} failed ${when}: state ${writer.state}, ${nameOfResult(writer.hresult)}`,
    { hint: adviceFor(writer.hresult), ...retryOf(writer.hresult) },
  );
}

const retryOf = (result: string): ErrorDetails => (mayPass(result) ? { retry: 'safe' } : {});

/** Part of what a required writer speaks for would be missing in the snapshot. */
export function componentExcluded(
  context: GuestContext,
  { writer, component, reason }: ExcludedComponent,
): SnaphookError {
  return new SnaphookError(
    'E_WRITER_FAILED',
    `component "${excerpt(component)}" of VSS writer "${excerpt(writer.name)}" in guest ${quoted(context)} is not all on the captured volumes: "${excerpt(reason)}" is missing`,
    {
      hint: 'Capture the disks of that volume, too. Or name the writers that must succeed in requiredWriters, without this one.',
    },
  );
}

/** The guest is to make a full backup of a run whose post hook will not hear how the backup ended. */
export function endUntold(context: GuestContext): SnaphookError {
  return new SnaphookError(
    'E_CONFIG',
    `guest ${quoted(context)} has backupType "full", but nothing tells the post hook of this job how the backup ended`,
    {
      hint:
        'Applications drop their logs only after a backup that has succeeded. Let the post hook be called with --outcome success or ' +
        'failure and say so in the job by outcomeIsTold: true; or use backupType: copy.',
    },
  );
}

export function writerAbsent(context: GuestContext, wanted: string): SnaphookError {
  return new SnaphookError(
    'E_WRITER_FAILED',
    `required VSS writer "${wanted}" takes no part in guest ${quoted(context)}: it has no component on the captured volumes`,
    {
      hint: 'Check with: vssadmin list writers. Capture all disks of the application, or take the name out of requiredWriters.',
    },
  );
}

/** What the guest's own logs said last of what went wrong. */
function logged({ events }: EventOf<'failed'>): string {
  const last = events.findLast(({ level }) => level === 'error');
  return last ? `; its event log says: ${excerpt(last.source)} ${last.id}, ${excerpt(last.text)}` : '';
}

/** The helper said `failed`: nothing is frozen. A failed required writer is the better explanation, when there is one. */
export function helperFailed(
  context: GuestContext,
  failed: EventOf<'failed'>,
  writers: readonly WriterStatus[],
  code: 'E_GUEST' | 'E_FREEZE_FAILED',
): SnaphookError {
  if (failed.phase === 'quiesce') return notQuiet(context, failed);
  const writer = failedRequired(writers);
  if (writer) return writerFailed(context, writer, `in phase ${failed.phase}`);
  const words = excerpt(failed.message);
  return new SnaphookError(
    code,
    `VSS in guest ${quoted(context)} failed in phase ${failed.phase}: ${nameOfResult(failed.result)}${words && `, ${words}`}${logged(failed)}`,
    { hint: adviceFor(failed.result), ...retryOf(failed.result) },
  );
}

const whatMayLieThere = ({ name }: GuestContext): string =>
  'In scripts.d and plug-ins.d beside the helper only SYSTEM and Administrators may write, and the service snaphook-vss must be ' +
  `installed: snaphook guest install ${name}. The rules are in docs/application-plug-ins.md.`;

/** Applications were to be made quiet; those that were told have been let go on. */
function notQuiet(context: GuestContext, { scripts, message, result }: EventOf<'failed'>): SnaphookError {
  const bad = scripts.find(({ kind, phase, exitCode }) => kind === 'script' && phase === 'freeze' && exitCode !== 0);
  if (!bad)
    return new SnaphookError(
      'E_GUEST',
      `scripts and plug-ins of guest ${quoted(context)} cannot be run: ${excerpt(message)} (${nameOfResult(result)})`,
      { hint: isOfService(result) ? adviceFor(result) : whatMayLieThere(context), ...retryOf(result) },
    );
  const words = excerpt(bad.output);
  const end = bad.exitCode < 0 ? 'did not end in time' : `ended with ${bad.exitCode}`;
  return new SnaphookError(
    'E_GUEST',
    `script "${excerpt(bad.name)}" of guest ${quoted(context)} ${end} when it was told freeze${words && `: ${words}`}`,
    {
      hint: 'Its applications go on. Run it in the guest as SYSTEM with the argument freeze, then with freezeFail; scriptSeconds is the time it has.',
    },
  );
}
