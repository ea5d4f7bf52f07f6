import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { Guests } from '../../ports/guest.ts';
import type { GuestOperationsServer } from '../../ports/guest-operations.ts';
import { SSH_PORT, sshConnector } from '../ssh/ssh-connector.ts';
import { LinuxFreezeSession } from './freeze-session.ts';
import { type GuestContext, guestError } from './guest-errors.ts';
import { GuestOperationsConnection, removeSession } from './guest-operations-connection.ts';
import { type Connect, releaseByRecord } from './helper-channel.ts';
import {
  guestOperationsHelperSettings,
  type LinuxGuestOperationsSettings,
  type LinuxGuestSettings,
  sshHelperSettings,
} from './linux-guest-settings.ts';

type VmOfGuest = Parameters<Guests['open']>[0];

export interface LinuxGuestsOptions {
  readonly clock: Clock;
  /** Undefined when the configuration has no settings for this VM. */
  readonly settingsFor: (vm: VmOfGuest) => LinuxGuestSettings | undefined;
}

/** One guest, and how it is reached. */
interface Way {
  readonly context: GuestContext;
  readonly connect: Connect;
  /** Ends what a crash left besides the session of the helper. */
  readonly removeRemains?: (resume: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<void>;
}

/** Linux guests whose file systems are frozen, reached over SSH. `resume` records hold `bootId` and `token`. */
export const createLinuxGuests = ({ clock, settingsFor }: LinuxGuestsOptions): Guests =>
  linuxGuests(clock, (vm) => {
    const settings = settingsFor(vm);
    if (!settings) return undefined;
    const endpoint = `ssh://${settings.address}:${settings.port ?? SSH_PORT}`;
    const context = { name: vm.name, settings: sshHelperSettings(settings), endpoint };
    return { context, connect: sshConnector({ ...settings, username: context.settings.username }, clock) };
  });

export interface GuestOperationsGuestsOptions {
  readonly clock: Clock;
  readonly server: GuestOperationsServer;
  /** Undefined when the configuration has no settings for this VM. */
  readonly settingsFor: (vm: VmOfGuest) => LinuxGuestOperationsSettings | undefined;
}

/** The same, reached by VMware Tools: no network to the guest is needed. `resume` records hold `folder` and `vcenterSession`, too. */
export const createLinuxGuestsByGuestOperations = ({
  clock,
  server,
  settingsFor,
}: GuestOperationsGuestsOptions): Guests =>
  linuxGuests(clock, (vm) => {
    const settings = settingsFor(vm);
    const { name, moRef } = vm;
    if (!settings || moRef === undefined) return undefined;
    const helper = guestOperationsHelperSettings(settings);
    const memoryFolder = settings.memoryFolder ?? '/dev/shm';
    const account = async () => ({ username: helper.username, password: await settings.password() });
    const way = { clock, memoryFolder, operations: server.of({ name, moRef }, account) };
    return {
      context: { name, settings: helper, endpoint: 'VMware Tools', memoryFolder },
      connect: async (signal) => {
        const vcenterSession = await way.operations.login(signal);
        return new GuestOperationsConnection(way, vcenterSession);
      },
      removeRemains: async ({ folder, vcenterSession }, signal) => {
        if (folder !== undefined) await removeSession(way, folder, signal);
        if (vcenterSession !== undefined) await server.endSession(vcenterSession, signal);
      },
    };
  });

function linuxGuests(clock: Clock, wayTo: (vm: VmOfGuest) => Way | undefined): Guests {
  const known = (vm: VmOfGuest): Way => {
    const way = wayTo(vm);
    if (way) return way;
    throw new SnaphookError('E_CONFIG', `there are no Linux guest settings for VM "${vm.name}"`, {
      hint: 'Add the account of the guest to the configuration, and its address where SSH is used, or choose no freeze for this VM.',
    });
  };
  return {
    waysFor: (vm) => {
      const way = wayTo(vm);
      return way ? [{ strategy: 'linux-fsfreeze', leaseMs: way.context.settings.leaseMs }] : [];
    },
    open(vm) {
      const { context, connect } = known(vm);
      return new LinuxFreezeSession(context, clock, connect);
    },
    async closeLeftover(vm, { resume }, signal) {
      const { bootId, token } = resume;
      const { context, connect, removeRemains } = known(vm);
      try {
        // Without them the helper was never told to hold anything: it ends with its input.
        if (bootId !== undefined && token !== undefined)
          await releaseByRecord(context, connect, { bootId, token }, signal);
        await removeRemains?.(resume, signal);
      } catch (thrown) {
        throw guestError(context, thrown, 'unknown');
      }
    },
  };
}
