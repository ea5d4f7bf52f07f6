import { createLinuxGuests, createLinuxGuestsByGuestOperations } from '../../src/guest/linux/linux-guest.ts';
import type { LinuxGuestOperationsSettings } from '../../src/guest/linux/linux-guest-settings.ts';
import { createWindowsGuests } from '../../src/guest/windows/windows-guest.ts';
import type { WindowsGuestSettings } from '../../src/guest/windows/windows-guest-settings.ts';
import { type WinRmSettings, winRmAccess } from '../../src/guest/windows/winrm-access.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { APPLICATION } from '../../src/lab/linux-guest/linux-guest.ts';
import { ACCOUNTS } from '../../src/lab/site-config.ts';
import type { Guests } from '../../src/ports/guest.ts';
import type { GuestOperationsServer } from '../../src/ports/guest-operations.ts';
import { hurried, LEASE_MS, LINUX_LEASE_SECONDS, PACE, SCRIPT_SECONDS, WINDOWS_WAITS } from './pace.ts';

export interface QuickGuests {
  readonly lab: Lab;
  readonly tls: { readonly ca: string };
  /** Factor of what is waited for. */
  readonly patience: number;
  /** Where Linux guests are reached by VMware Tools; undefined: by SSH. */
  readonly operations: GuestOperationsServer | undefined;
  /** How VSS is asked. */
  readonly windows: Pick<WindowsGuestSettings, 'backupType' | 'strategy' | 'applications'>;
}

/** Each guest by the adapter for its kind, with short limits; the jobs of the matrix have one guest. */
export function quickGuests(quick: QuickGuests): Guests {
  const { operations } = quick;
  const windows = quickWindowsGuests(quick);
  const linux = operations ? quickGuestOperations(operations, quick) : quickLinuxGuests(quick);
  const of = ({ name }: { readonly name: string }) => (name === quick.lab.linuxGuestName ? linux : windows);
  return {
    waysFor: (vm) => of(vm).waysFor(vm),
    open: (vm, way) => of(vm).open(vm, way),
    closeLeftover: (vm, session, signal) => of(vm).closeLeftover(vm, session, signal),
    ...(windows.endBackup && { endBackup: windows.endBackup }),
  };
}

const linuxHelper = ({ patience }: QuickGuests) => ({
  sudo: true,
  applications: [APPLICATION],
  leaseMs: LINUX_LEASE_SECONDS * 1000,
  scriptLimitMs: SCRIPT_SECONDS * 1000 * patience,
  helperStartTimeoutMs: 40_000 * patience,
  // Measured, not slept: well below the lease, so that a second connection still finds the guest frozen.
  thawPatienceMs: LEASE_MS.linux * 0.1,
  closeTimeoutMs: 15_000,
});

/** The clock of the adapter runs half as fast as that of the guest, so that a busy machine is no fault. */
function quickLinuxGuests(quick: QuickGuests): Guests {
  const { lab, patience } = quick;
  const { name, password } = ACCOUNTS.linuxGuest;
  return createLinuxGuests({
    clock: hurried(2 * PACE),
    settingsFor: () => ({
      address: '127.0.0.1',
      port: lab.linuxGuest.port,
      username: name,
      login: { kind: 'password', password: async () => password },
      trust: () => ({ kind: 'fingerprints', fingerprints: [lab.linuxGuest.hostKeyFingerprint] }),
      connectTimeoutMs: 40_000 * patience,
      ...linuxHelper(quick),
    }),
  });
}

function quickGuestOperations(server: GuestOperationsServer, quick: QuickGuests): Guests {
  const { name, password } = ACCOUNTS.linuxGuest;
  const settings: LinuxGuestOperationsSettings = {
    username: name,
    password: async () => password,
    ...linuxHelper(quick),
  };
  return createLinuxGuestsByGuestOperations({ clock: hurried(2 * PACE), server, settingsFor: () => settings });
}

function quickWindowsGuests({ lab, tls, patience, windows }: QuickGuests): Guests {
  const clock = hurried(WINDOWS_WAITS);
  const winrm: WinRmSettings = {
    address: '127.0.0.1',
    port: Number(new URL(lab.urls.guest).port),
    scheme: 'https',
    authentication: 'ntlm',
    username: `SQL01\\${ACCOUNTS.guest.name}`,
    password: async () => ACCOUNTS.guest.password,
    tls,
    connectTimeoutMs: 5000 * patience,
    operationTimeoutMs: 20_000,
  };
  return createWindowsGuests({
    clock,
    settingsFor: () => ({
      ...windows,
      access: winRmAccess(winrm, clock),
      scriptLimitMs: SCRIPT_SECONDS * 1000 * patience,
      helperStartTimeoutMs: 10_000 * patience,
      windowsHoldMs: (10_000 * PACE) / WINDOWS_WAITS,
      thawResendMs: 500,
      thawPatienceMs: 400,
      closeTimeoutMs: 9000,
    }),
  });
}
