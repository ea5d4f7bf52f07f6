import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { Guests } from '../../ports/guest.ts';
import { type GuestContext, guestError } from './guest-errors.ts';
import { VssSession } from './vss-session.ts';
import { resolveSettings, type WindowsGuestSettings } from './windows-guest-settings.ts';
import { openConnection, type WinRmConnection } from './winrm/connection.ts';
import { deleteShell } from './winrm/shell.ts';
import { WinRmError } from './winrm/winrm-error.ts';

interface VmOfGuest {
  readonly name: string;
  readonly address: string | undefined;
}

export interface WindowsGuestsOptions {
  readonly clock: Clock;
  /** Undefined when the configuration has no settings for this VM. */
  readonly settingsFor: (vm: VmOfGuest) => WindowsGuestSettings | undefined;
}

/** Windows guests frozen by VSS, reached over WinRM. `resume` records hold the `shellId`. */
export function createWindowsGuests(options: WindowsGuestsOptions): Guests {
  const contextOf = (vm: VmOfGuest): GuestContext => {
    const settings = options.settingsFor(vm);
    if (settings) return { name: vm.name, settings: resolveSettings(settings) };
    throw new SnaphookError('E_CONFIG', `there are no Windows guest settings for VM "${vm.name}"`, {
      hint: 'Add address and account of the guest to the configuration, or choose no freeze for this VM.',
    });
  };
  return {
    strategyFor: (vm) => (options.settingsFor(vm) ? 'vss-provider' : undefined),
    open(vm) {
      const context = contextOf(vm);
      return new VssSession(context, options.clock, connector(context, options.clock));
    },
    async closeLeftover(vm, { resume: { shellId }, mayStandStill }, signal) {
      // Without a shell id the session never came as far as a helper.
      if (shellId === undefined) return;
      const context = contextOf(vm);
      try {
        const connection = await connector(context, options.clock)(signal);
        try {
          const { operationTimeoutMs } = context.settings;
          await deleteShell(connection, shellId, { operationTimeoutMs, signal });
        } finally {
          connection.close();
        }
        // With the shell its helper is gone, also one that held: then Windows ends the hold. Whoever deleted a shell that is gone
        // already may have done so just now.
        if (mayStandStill) await options.clock.sleep(context.settings.windowsHoldMs, signal);
      } catch (thrown) {
        throw guestError(context, thrown, 'unknown');
      }
    },
  };
}

/**
 * Opens the connections of one session. The password is resolved with the first and kept for its time: a thaw that needs
 * a new connection must not wait for a secret store. After a refused login there is no second one, so that no account is locked.
 */
function connector({ settings }: GuestContext, clock: Clock): (signal?: AbortSignal) => Promise<WinRmConnection> {
  let password: Promise<string> | undefined;
  let refused: WinRmError | undefined;
  return async (signal) => {
    if (refused) throw refused;
    password ??= settings.password();
    const { authentication, username } = settings;
    const credentials = { authentication, username, password: await password };
    try {
      return await openConnection(settings, credentials, clock, signal);
    } catch (thrown) {
      if (thrown instanceof WinRmError && thrown.problem.kind === 'login') refused = thrown;
      throw thrown;
    }
  };
}
