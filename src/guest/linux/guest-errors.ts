import { type ErrorDetails, SnaphookError } from '../../ports/errors.ts';
import { excerpt } from '../lines.ts';
import { SshError } from '../ssh/ssh-error.ts';
import { type SshAdvice, sshGuestError } from '../ssh/ssh-guest-errors.ts';
import { FREEZE_HELPER_PROTOCOL } from './freeze-helper-protocol.ts';
import type { EventOf, HelperEnd } from './helper-facts.ts';
import type { HelperSettings } from './linux-guest-settings.ts';

/** What every message names. */
export interface GuestContext {
  readonly name: string;
  readonly settings: HelperSettings;
  /** Where the guest is reached, such as `ssh://pg01:22`. */
  readonly endpoint: string;
  /** By guest operations: where the helper's input and output lie, which must go on while file systems stand still. */
  readonly memoryFolder?: string;
}

type Effect = NonNullable<ErrorDetails['effect']>;

const quoted = ({ name }: GuestContext): string => `"${name}"`;

/** Turns whatever a guest operation threw into the error users see. `effect`: what the failed call may have done. */
export function guestError(context: GuestContext, thrown: unknown, effect: Effect = 'none'): SnaphookError {
  if (thrown instanceof SnaphookError) return thrown;
  if (thrown instanceof SshError) {
    const { name, settings } = context;
    return sshGuestError(
      { name, endpoint: context.endpoint, username: settings.username },
      thrown.problem,
      ADVICE,
      effect,
    );
  }
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

const ADVICE: SshAdvice = {
  unreachable: "Check address and port of the guest's settings, the firewall, and that sshd runs in the guest.",
  fingerprints: 'for f in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf "$f"; done',
  login: 'authorized_keys and PermitRootLogin in the guest',
  refused: 'Check the options of the key in authorized_keys, ForceCommand and MaxSessions in sshd_config.',
};

/** Exit codes of a shell for a program it cannot run (POSIX: 126 found but not executable, 127 not found). */
const NOT_RUNNABLE = [126, 127];

/** The helper ended before it said anything: most likely it is not there, or sudo refuses it. */
export function helperNeverSpoke(context: GuestContext, end: HelperEnd): SnaphookError {
  if (end.kind === 'lost') return helperEnded(context, end);
  const { helperPath, sudo, username } = context.settings;
  const words = excerpt(end.stderr);
  const install = `Install the snaphook freeze helper in the guest as ${helperPath} (owner root, mode 0755), or set helperPath.`;
  const allow = `Allow it in the guest's sudoers: ${username} ALL=(root) NOPASSWD: ${helperPath}`;
  const missing = end.exitCode !== undefined && NOT_RUNNABLE.includes(end.exitCode);
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the freeze helper "${helperPath}" does not run in guest ${quoted(context)}: exit code ${end.exitCode ?? 'unknown'}${words && `: ${words}`}`,
    { hint: missing || !sudo ? install : `${allow}. ${install}` },
  );
}

/** The helper ended, or its connection did, while something was expected from it. */
export function helperEnded(context: GuestContext, end: HelperEnd, effect: Effect = 'none'): SnaphookError {
  if (end.kind === 'lost')
    return guestError(context, new SshError({ kind: 'disconnected', reason: end.reason }), effect);
  const words = excerpt(end.stderr);
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the freeze helper in guest ${quoted(context)} ended by itself, exit code ${end.exitCode ?? 'unknown'}${words && `: ${words}`}`,
    { hint: 'Read the journal of the guest around this time.', effect },
  );
}

export function wrongProtocol(context: GuestContext, hello: EventOf<'hello'>): SnaphookError {
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the freeze helper "${excerpt(hello.helper)}" in guest ${quoted(context)} speaks protocol ${hello.protocol}, not ${FREEZE_HELPER_PROTOCOL}`,
    { hint: 'Install the freeze helper that belongs to this version of snaphook.' },
  );
}

export function notOfTheProtocol(context: GuestContext, line: string, effect: Effect = 'none'): SnaphookError {
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the freeze helper in guest ${quoted(context)} wrote something outside its protocol: ${excerpt(line)}`,
    {
      hint: 'Check that helperPath names the helper of this version, and that no start-up file of the shell of that account prints anything.',
      effect,
    },
  );
}

/** errno(3) of Linux, as far as freezing gives them. */
const EBUSY = 16;
const EOPNOTSUPP = 95;

function adviceFor(errno: number): string {
  if (errno === EBUSY)
    return 'Somebody else holds it frozen (another backup, or fsfreeze by hand). Run at another time, or thaw it: fsfreeze -u';
  if (errno === EOPNOTSUPP) return 'This kind of file system cannot be frozen; leave its disk out of the job.';
  return 'Read the journal of the guest around this time.';
}

/** The helper said `failed`: nothing of ours is frozen. */
export function helperFailed(
  context: GuestContext,
  failed: EventOf<'failed'>,
  code: 'E_GUEST' | 'E_FREEZE_FAILED',
): SnaphookError {
  const object = failed.object === '' ? '' : ` at "${excerpt(failed.object)}"`;
  const bad = failed.scripts.find(({ exitCode }) => exitCode !== 0);
  const words = excerpt(bad?.output ?? '');
  const said = bad ? `; script "${excerpt(bad.name)}" ended with ${bad.exitCode}${words && `: ${words}`}` : '';
  return new SnaphookError(
    code,
    `guest ${quoted(context)} failed in phase ${failed.phase}${object}: ${excerpt(failed.message)}${said}`,
    { hint: adviceFor(failed.errno) },
  );
}

export const verdictLost = (context: GuestContext): SnaphookError =>
  new SnaphookError('E_GUEST', `the last word of the freeze helper in guest ${quoted(context)} was lost`, {
    hint: 'The guest writes again, but how the freeze ended is not known; start the job again for a proven one.',
  });
