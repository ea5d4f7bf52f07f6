import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { Guests } from '../../ports/guest.ts';
import { withDeadline } from '../deadline.ts';
import { LinuxFreezeSession } from './freeze-session.ts';
import { type GuestContext, guestError } from './guest-errors.ts';
import { type Connect, releaseByRecord } from './helper-channel.ts';
import { type LinuxGuestSettings, resolveSettings, type SshLogin } from './linux-guest-settings.ts';
import { openSsh, type SshCredentials } from './ssh/ssh-connection.ts';
import { SshError } from './ssh/ssh-error.ts';

interface VmOfGuest {
  readonly name: string;
  readonly address: string | undefined;
}

export interface LinuxGuestsOptions {
  readonly clock: Clock;
  /** Undefined when the configuration has no settings for this VM. */
  readonly settingsFor: (vm: VmOfGuest) => LinuxGuestSettings | undefined;
}

/** Linux guests whose file systems are frozen, reached over SSH. `resume` records hold `bootId` and `token`. */
export function createLinuxGuests(options: LinuxGuestsOptions): Guests {
  const contextOf = (vm: VmOfGuest): GuestContext => {
    const settings = options.settingsFor(vm);
    if (settings) return { name: vm.name, settings: resolveSettings(settings) };
    throw new SnaphookError('E_CONFIG', `there are no Linux guest settings for VM "${vm.name}"`, {
      hint: 'Add address and account of the guest to the configuration, or choose no freeze for this VM.',
    });
  };
  return {
    strategyFor: (vm) => (options.settingsFor(vm) ? 'linux-fsfreeze' : undefined),
    open(vm) {
      const context = contextOf(vm);
      return new LinuxFreezeSession(context, options.clock, connector(context, options.clock));
    },
    async closeLeftover(vm, { resume: { bootId, token } }, signal) {
      // Without a record the session never came as far as a helper.
      if (bootId === undefined || token === undefined) return;
      const context = contextOf(vm);
      try {
        await releaseByRecord(context, connector(context, options.clock), { bootId, token }, signal);
      } catch (thrown) {
        throw guestError(context, thrown, 'unknown');
      }
    },
  };
}

/**
 * Opens the connections of one session. Secrets are resolved with the first and kept for its time: a thaw that needs a new
 * connection must not wait for a secret store. After a refused login there is no second one, so that no account is locked.
 */
function connector({ settings }: GuestContext, clock: Clock): Connect {
  let credentials: Promise<SshCredentials> | undefined;
  let refused: SshError | undefined;
  return async (signal) => {
    if (refused) throw refused;
    credentials ??= resolveLogin(settings.login);
    const resolved = await credentials;
    const { address: host, port, username, keepaliveMs, connectTimeoutMs } = settings;
    const target = { host, port, username, keepaliveMs, trust: settings.trust() };
    const late = () => new SshError({ kind: 'unreachable', reason: `no login within ${connectTimeoutMs} ms` });
    try {
      return await withDeadline(clock, connectTimeoutMs, signal, late, (limit) => openSsh(target, resolved, limit));
    } catch (thrown) {
      if (thrown instanceof SshError && thrown.problem.kind === 'login') refused = thrown;
      throw thrown;
    }
  };
}

async function resolveLogin(login: SshLogin): Promise<SshCredentials> {
  if (login.kind === 'password') return { kind: 'password', password: await login.password() };
  return { kind: 'key', privateKey: await login.privateKey(), passphrase: await login.passphrase?.() };
}
