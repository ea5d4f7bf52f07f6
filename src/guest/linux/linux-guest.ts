import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { Guests } from '../../ports/guest.ts';
import { sshConnector } from '../ssh/ssh-connector.ts';
import { LinuxFreezeSession } from './freeze-session.ts';
import { type GuestContext, guestError } from './guest-errors.ts';
import { releaseByRecord } from './helper-channel.ts';
import { type LinuxGuestSettings, resolveSettings } from './linux-guest-settings.ts';

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
      return new LinuxFreezeSession(context, options.clock, sshConnector(context.settings, options.clock));
    },
    async closeLeftover(vm, { resume: { bootId, token } }, signal) {
      // Without a record the session never came as far as a helper.
      if (bootId === undefined || token === undefined) return;
      const context = contextOf(vm);
      try {
        await releaseByRecord(context, sshConnector(context.settings, options.clock), { bootId, token }, signal);
      } catch (thrown) {
        throw guestError(context, thrown, 'unknown');
      }
    },
  };
}
