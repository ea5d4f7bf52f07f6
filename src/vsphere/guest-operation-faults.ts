import { SnaphookError } from '../ports/errors.ts';
import { GuestFileNotFound } from '../ports/guest-operations.ts';
import { VimFaultError } from './faults.ts';

interface Guest {
  readonly name: string;
  readonly username: string;
}

/**
 * How a refusal by VMware Tools reads for a user (vSphere API: GuestOperationsFault and its kinds). What is no refusal of the guest's, such
 * as a missing privilege, is returned as it came.
 */
export function errorInGuest({ name, username }: Guest, thrown: unknown): unknown {
  if (!(thrown instanceof VimFaultError)) return thrown;
  const { type, file, message } = thrown.fault;
  switch (type) {
    case 'InvalidGuestLogin':
    case 'GuestAuthenticationChallenge':
      return new SnaphookError('E_GUEST_LOGIN', `login to guest "${name}" as "${username}" failed: ${type}`, {
        hint: 'Check the account and its password (it was tried once only, so that it is not locked), and that VMware Tools may use it.',
      });
    case 'GuestOperationsUnavailable':
    case 'ToolsUnavailable':
    case 'InvalidPowerState':
    case 'InvalidState':
      return new SnaphookError('E_GUEST_UNREACHABLE', `VMware Tools of guest "${name}" takes no operations: ${type}`, {
        hint: 'See in vCenter that the VM runs and that VMware Tools is running and current; in the guest, the service vmtoolsd or VMTools.',
        retry: 'safe',
      });
    case 'OperationDisabledByGuest':
    case 'OperationNotSupportedByGuest':
    case 'GuestComponentsOutOfDate':
      return new SnaphookError('E_GUEST', `VMware Tools of guest "${name}" does not do this: ${type}`, {
        hint: 'Guest operations may be off in tools.conf of the guest or in the settings of the VM; or VMware Tools is too old.',
      });
    case 'TooManyGuestLogons':
      return new SnaphookError('E_GUEST', `guest "${name}" has too many logins of VMware Tools`, {
        hint: 'Others work in the guest by guest operations at the same time. Try again later.',
        retry: 'safe',
      });
    case 'GuestPermissionDenied':
    case 'FileNotFound':
    case 'FileAlreadyExists':
    case 'CannotAccessFile':
    case 'FileFault': {
      const what = file === undefined || file === '' ? message.slice(0, 200) : `"${file}"`;
      const Refusal = type === 'FileNotFound' ? GuestFileNotFound : SnaphookError;
      return new Refusal('E_GUEST', `guest "${name}" refused "${username}" ${what}: ${type}`, {
        hint: 'See that the path is right, and that the account has the rights it needs there.',
      });
    }
    default:
      return thrown;
  }
}
