import { type ErrorDetails, SnaphookError } from '../../ports/errors.ts';
import type { WriterStatus } from '../../ports/guest.ts';
import { excerpt } from '../lines.ts';
import type { EventOf, HelperEnd } from './helper-facts.ts';
import { VSS_HELPER_PROTOCOL } from './vss-helper-protocol.ts';
import { adviceFor, nameOfResult } from './vss-results.ts';
import type { ResolvedSettings } from './windows-guest-settings.ts';
import type { WsmanFault } from './winrm/faults.ts';
import { WinRmError, type WinRmProblem } from './winrm/winrm-error.ts';
import { failedRequired } from './writers.ts';

/** What every message names. */
export interface GuestContext {
  readonly name: string;
  readonly settings: ResolvedSettings;
}

const quoted = ({ name }: GuestContext): string => `"${name}"`;
const endpoint = ({ settings }: GuestContext): string =>
  `${settings.scheme}://${settings.address}:${settings.port}/wsman`;

/** Turns whatever a guest operation threw into the error users see. `effect`: what the failed call may have done. */
export function guestError(
  context: GuestContext,
  thrown: unknown,
  effect: NonNullable<ErrorDetails['effect']> = 'none',
): SnaphookError {
  if (thrown instanceof SnaphookError) return thrown;
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

function winRmGuestError(
  context: GuestContext,
  problem: WinRmProblem,
  effect: NonNullable<ErrorDetails['effect']>,
): SnaphookError {
  const guest = quoted(context);
  switch (problem.kind) {
    case 'unreachable':
      return new SnaphookError(
        'E_GUEST_UNREACHABLE',
        `guest ${guest} is not reachable at ${endpoint(context)}: ${problem.reason}`,
        {
          hint: `Check address, port and scheme of the guest's settings, the firewall, and in the guest: winrm enumerate winrm/config/listener`,
          retry: 'safe',
        },
      );
    case 'untrusted':
      return untrustedError(context, problem.reason, problem.fingerprint256);
    case 'login':
      return new SnaphookError(
        'E_GUEST_LOGIN',
        `login to guest ${guest} as "${context.settings.username}" failed: ${problem.reason}`,
        {
          hint:
            'Check the account and its password (it was tried once only, so that it is not locked), and which methods the ' +
            'guest accepts: winrm get winrm/config/service/auth. Local accounts are written HOST\\user.',
        },
      );
    case 'disconnected':
      return new SnaphookError('E_GUEST_UNREACHABLE', `the connection to guest ${guest} broke: ${problem.reason}`, {
        hint: 'Check the network, and whether the guest restarted or its WinRM service was stopped.',
        effect,
      });
    case 'timeout':
      return new SnaphookError('E_GUEST_UNREACHABLE', `guest ${guest} did not answer in ${problem.timeoutMs} ms`, {
        hint: 'Check the network and the load of the guest.',
        effect,
      });
    case 'fault':
      return faultError(context, problem.fault, effect);
    case 'http':
      return new SnaphookError(
        'E_GUEST_UNREACHABLE',
        `guest ${guest} answered with HTTP status ${problem.status} at ${endpoint(context)}`,
        {
          hint:
            problem.status === 503
              ? 'The WinRM service is starting or overloaded; try again in a minute.'
              : 'Check that address and port belong to the WinRM service of the guest.',
          retry: 'safe',
        },
      );
    case 'malformed':
      return new SnaphookError('E_GUEST', `guest ${guest} answered something that is not WinRM: ${problem.reason}`, {
        hint: `Check that ${endpoint(context)} is the WinRM service itself and that nothing in between changes messages.`,
        effect,
      });
  }
}

function untrustedError(context: GuestContext, reason: string, fingerprint: string): SnaphookError {
  return new SnaphookError(
    'E_TLS_UNTRUSTED',
    `the certificate of guest "${context.name}" at ${endpoint(context)} is not trusted (${reason}); its SHA-256 fingerprint is ${fingerprint}`,
    {
      hint:
        'Compare the fingerprint with the one shown in the guest. If it is the right one, set it as tls.fingerprint256 of ' +
        "this guest, or set tls.ca to the certificate of the guest's authority.",
    },
  );
}

function faultError(
  context: GuestContext,
  fault: WsmanFault,
  effect: NonNullable<ErrorDetails['effect']>,
): SnaphookError {
  const guest = quoted(context);
  const words = excerpt(fault.message);
  const code = fault.code === undefined ? '' : ` (fault ${fault.code})`;
  switch (fault.kind) {
    case 'quota':
      return new SnaphookError(
        'E_GUEST_QUOTA',
        `guest ${guest} refuses another WinRM shell or operation${code}: ${words}`,
        {
          hint:
            'Shells left by other programs end after their idle time. See and raise the limits in the guest: ' +
            'winrm get winrm/config/winrs',
          retry: 'safe',
        },
      );
    case 'program-missing':
      return notInstalled(context, `Windows cannot start it${code}: ${words}`);
    case 'access-denied':
      return new SnaphookError(
        'E_GUEST_LOGIN',
        `guest ${guest} denies "${context.settings.username}" a remote shell${code}: ${words}`,
        {
          hint:
            'The account must be an administrator of the guest. For a local account other than Administrator, set ' +
            'LocalAccountTokenFilterPolicy to 1 in the guest.',
        },
      );
    default:
      return new SnaphookError('E_GUEST', `guest ${guest} refused a WinRM call${code}: ${words}`, { effect });
  }
}

function notInstalled(context: GuestContext, detail: string): SnaphookError {
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the VSS helper "${context.settings.helperPath}" does not run in guest ${quoted(context)}: ${detail}`,
    { hint: 'Install the snaphook VSS helper in the guest, or set helperPath to where it is installed.' },
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
    { hint: 'Install the VSS helper that belongs to this version of snaphook.' },
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
    { hint: adviceFor(writer.hresult) },
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

/** The helper said `failed`: nothing is frozen. A failed required writer is the better explanation, when there is one. */
export function helperFailed(
  context: GuestContext,
  failed: EventOf<'failed'>,
  writers: readonly WriterStatus[],
  code: 'E_GUEST' | 'E_FREEZE_FAILED',
): SnaphookError {
  const writer = failedRequired(writers);
  if (writer) return writerFailed(context, writer, `in phase ${failed.phase}`);
  const words = excerpt(failed.message);
  return new SnaphookError(
    code,
    `VSS in guest ${quoted(context)} failed in phase ${failed.phase}: ${nameOfResult(failed.result)}${words && `, ${words}`}`,
    { hint: adviceFor(failed.result) },
  );
}
