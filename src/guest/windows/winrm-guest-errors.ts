import { type ErrorDetails, SnaphookError } from '../../ports/errors.ts';
import { excerpt } from '../lines.ts';
import { type GuestContext, notInstalled } from './guest-context.ts';
import type { WsmanFault } from './winrm/faults.ts';
import type { WinRmProblem } from './winrm/winrm-error.ts';

/** What a failed call over WinRM means to users. `effect`: what it may have done. */
export function winRmGuestError(
  context: GuestContext,
  problem: WinRmProblem,
  effect: NonNullable<ErrorDetails['effect']>,
): SnaphookError {
  const guest = `"${context.name}"`;
  switch (problem.kind) {
    case 'unreachable':
      return new SnaphookError(
        'E_GUEST_UNREACHABLE',
        `guest ${guest} is not reachable at ${context.settings.access.endpoint}: ${problem.reason}`,
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
        `login to guest ${guest} as "${context.settings.access.username}" failed: ${problem.reason}`,
        {
          hint:
            problem.advice ??
            'Check the account and its password, ticket or certificate mapping (it was tried once only, so that it is not ' +
              'locked), and which methods the guest accepts: winrm get winrm/config/service/auth. Local accounts are ' +
              'written HOST\\user.',
        },
      );
    case 'no-domain-controller':
      return new SnaphookError(
        'E_GUEST_UNREACHABLE',
        `no domain controller gave a ticket for guest ${guest} as "${context.settings.access.username}": ${problem.reason}`,
        { hint: problem.advice, retry: 'safe' },
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
        `guest ${guest} answered with HTTP status ${problem.status} at ${context.settings.access.endpoint}`,
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
        hint: `Check that ${context.settings.access.endpoint} is the WinRM service itself and that nothing in between changes messages.`,
        effect,
      });
  }
}

function untrustedError(context: GuestContext, reason: string, fingerprint: string): SnaphookError {
  return new SnaphookError(
    'E_TLS_UNTRUSTED',
    `the certificate of guest "${context.name}" at ${context.settings.access.endpoint} is not trusted (${reason}); its SHA-256 fingerprint is ${fingerprint}`,
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
  const guest = `"${context.name}"`;
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
        `guest ${guest} denies "${context.settings.access.username}" a remote shell${code}: ${words}`,
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
