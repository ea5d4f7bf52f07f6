import type { Clock } from '../../../ports/clock.ts';
import { SnaphookError } from '../../../ports/errors.ts';
import type { GuestAccount, GuestOperationsServer } from '../../../ports/guest-operations.ts';
import type { MoRef } from '../../../ports/identity.ts';
import { GUEST_OPERATIONS_WAITS } from '../../guest-operations-waits.ts';
import { AccountLogins } from '../account-logins.ts';
import type { WindowsAccess } from '../windows-access.ts';
import { openGuestOperationsCommands } from './commands.ts';
import { endHeldSession } from './held-session.ts';
import { GuestOperationsHelperChannel } from './helper-channel.ts';
import { type GuestOperationsWay, removeSessionFolder } from './way.ts';

/** How to reach one Windows guest by VMware Tools. */
export interface WindowsGuestOperationsSettings {
  readonly server: GuestOperationsServer;
  readonly vm: { readonly name: string; readonly moRef: MoRef };
  /** `DOMAIN\user`, `user@domain`, or an account of the guest. */
  readonly username: string;
  /** Resolved as late as possible, once for each session with the guest. */
  readonly password: () => Promise<string>;
}

export const GUEST_OPERATIONS_ENDPOINT = 'VMware Tools (guest operations)';

/**
 * A Windows guest by VMware Tools: no network to the guest is needed. `resume` records hold `session`, `helperPath`, `folder` and
 * `vcenterSession`; those of sessions without a helper the last two. `logins`: those of all guests of the process.
 */
export function guestOperationsAccess(
  settings: WindowsGuestOperationsSettings,
  clock: Clock,
  logins = new AccountLogins(),
): WindowsAccess {
  const { server, vm, username } = settings;
  const account = async (): Promise<GuestAccount> => ({ username, password: await settings.password() });
  const operations = server.of(vm, account);
  const way: GuestOperationsWay = {
    name: vm.name,
    operations,
    clock,
    login: (signal) =>
      logins.login(username, {
        attempt: () => operations.login(signal),
        isRefusal: (thrown) => thrown instanceof SnaphookError && thrown.code === 'E_GUEST_LOGIN',
        notTried: (reason) =>
          new SnaphookError('E_GUEST_LOGIN', `login to guest "${vm.name}" as "${username}" failed: ${reason}`, {
            hint: 'Correct the account or its password first; every further refusal could lock the account.',
          }),
      }),
  };
  return {
    endpoint: GUEST_OPERATIONS_ENDPOINT,
    username,
    waits: GUEST_OPERATIONS_WAITS,
    openHelper: (facts) => new GuestOperationsHelperChannel(way, facts),
    openCommands: (signal) => openGuestOperationsCommands(way, signal),
    async endLeftover({ session, helperPath, folder, vcenterSession }, signal) {
      if (folder === undefined) return 'none';
      await way.login(signal);
      const hadHelper = session !== undefined && helperPath !== undefined;
      if (!hadHelper) await removeSessionFolder(way, folder, signal);
      const end = hadHelper ? await endHeldSession(way, { session, helperPath, folder }, signal) : 'none';
      if (vcenterSession !== undefined) await server.endSession(vcenterSession, signal);
      return end;
    },
  };
}
