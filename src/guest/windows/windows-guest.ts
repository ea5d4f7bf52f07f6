import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { Guests, HoldMode } from '../../ports/guest.ts';
import { DiskshadowSession } from './diskshadow/diskshadow-session.ts';
import { recordOf, removeShadowCopies, type ShadowRecord } from './diskshadow/remove.ts';
import { endBackup } from './end-backup.ts';
import type { GuestContext } from './guest-context.ts';
import { guestError } from './guest-errors.ts';
import { VssSession } from './vss-session.ts';
import { resolveSettings, type WindowsGuestSettings, waysOf } from './windows-guest-settings.ts';

interface VmOfGuest {
  readonly name: string;
  readonly address: string | undefined;
}

export interface WindowsGuestsOptions {
  readonly clock: Clock;
  /** Undefined when the configuration has no settings for this VM. */
  readonly settingsFor: (vm: VmOfGuest) => WindowsGuestSettings | undefined;
}

/** Windows guests frozen by VSS. What `resume` records hold depends on the way in. */
export function createWindowsGuests(options: WindowsGuestsOptions): Guests {
  const contextOf = (vm: VmOfGuest, hold?: HoldMode): GuestContext => {
    const settings = options.settingsFor(vm);
    if (settings) return { name: vm.name, settings: resolveSettings(settings, hold) };
    throw new SnaphookError('E_CONFIG', `there are no Windows guest settings for VM "${vm.name}"`, {
      hint: 'Add address and account of the guest to the configuration, or choose no freeze for this VM.',
    });
  };
  return {
    waysFor(vm) {
      const settings = options.settingsFor(vm);
      return settings ? waysOf(settings) : [];
    },
    open(vm, wished) {
      const settings = options.settingsFor(vm);
      const way = wished ?? (settings && waysOf(settings)[0]);
      const context = contextOf(vm, way?.hold);
      const Session = way?.strategy === 'vss-diskshadow' ? DiskshadowSession : VssSession;
      return new Session(context, options.clock);
    },
    endBackup: (vm, backup, signal) => endBackup(contextOf(vm), options.clock, backup, signal),
    async closeLeftover(vm, { resume, mayStandStill }, signal) {
      const context = contextOf(vm, resume.hold === 'precommit' ? resume.hold : undefined);
      // What the settings say by now does not matter: the record tells what the run did.
      const shadows = recordOf(resume);
      try {
        if (shadows) await removeLeftCopies(context, shadows, signal);
        const left = await context.settings.access.endLeftover(resume, signal);
        // With its session the helper is gone, also one that held: then Windows ends the hold. Whoever ended a session that is
        // gone already may have done so just now.
        if (mayStandStill && left === 'ended') await options.clock.sleep(context.settings.windowsHoldMs, signal);
      } catch (thrown) {
        throw guestError(context, thrown, 'unknown');
      }
    },
  };
}

async function removeLeftCopies(
  { name, settings }: GuestContext,
  left: ShadowRecord,
  signal: AbortSignal,
): Promise<void> {
  const commands = await settings.access.openCommands(signal);
  try {
    await removeShadowCopies(name, commands, left, signal);
  } finally {
    await commands.close();
  }
}
