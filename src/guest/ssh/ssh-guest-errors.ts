import { type ErrorDetails, SnaphookError } from '../../ports/errors.ts';
import { excerpt } from '../lines.ts';
import type { SshProblem } from './ssh-error.ts';

/** What messages name. */
export interface SshGuest {
  readonly name: string;
  /** Such as `ssh://10.0.0.7:22`. */
  readonly endpoint: string;
  readonly username: string;
}

/** Where to look in a guest of this operating system. */
export interface SshAdvice {
  readonly unreachable: string;
  /** The command that shows the host keys' fingerprints in the guest. */
  readonly fingerprints: string;
  /** What decides on logins, besides account and key or password. */
  readonly login: string;
  readonly refused: string;
}

/** What a failed call over SSH means to users. `effect`: what it may have done. */
export function sshGuestError(
  { name, endpoint, username }: SshGuest,
  problem: SshProblem,
  advice: SshAdvice,
  effect: NonNullable<ErrorDetails['effect']>,
): SnaphookError {
  const guest = `"${name}"`;
  const reason = excerpt(problem.reason);
  switch (problem.kind) {
    case 'unreachable':
      return new SnaphookError('E_GUEST_UNREACHABLE', `guest ${guest} is not reachable at ${endpoint}: ${reason}`, {
        hint: advice.unreachable,
        retry: 'safe',
      });
    case 'untrusted':
      return new SnaphookError(
        'E_TLS_UNTRUSTED',
        `the SSH host key of guest ${guest} at ${endpoint} is not trusted (${reason}); its fingerprint is ${problem.fingerprint256}`,
        {
          hint:
            `Compare the fingerprint with the ones shown in the guest by: ${advice.fingerprints}. ` +
            'If it is among them, add it to ssh.hostKeys of this guest, or the key to the known_hosts file.',
        },
      );
    case 'login':
      return new SnaphookError('E_GUEST_LOGIN', `login to guest ${guest} as "${username}" failed: ${reason}`, {
        hint: `Check the account and its key or password (it was tried once only, so that it is not locked), ${advice.login}.`,
      });
    case 'key':
      return new SnaphookError('E_SECRET', `the private key for guest ${guest} cannot be used: ${reason}`, {
        hint: 'Check ssh.privateKey and ssh.passphrase of this guest; ssh-keygen -y -f FILE reads a usable key.',
      });
    case 'refused':
      return new SnaphookError('E_GUEST_LOGIN', `guest ${guest} lets "${username}" run no command: ${reason}`, {
        hint: advice.refused,
      });
    case 'disconnected':
      return new SnaphookError('E_GUEST_UNREACHABLE', `the connection to guest ${guest} broke: ${reason}`, {
        hint: 'Check the network, and whether the guest restarted or its SSH service was stopped.',
        effect,
      });
  }
}
