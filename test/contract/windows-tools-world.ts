import type { AccountLogins } from '../../src/guest/windows/account-logins.ts';
import { guestOperationsAccess } from '../../src/guest/windows/guest-operations/access.ts';
import type { WindowsAccess } from '../../src/guest/windows/windows-access.ts';
import { createWindowsGuests } from '../../src/guest/windows/windows-guest.ts';
import type { WindowsGuestSettings } from '../../src/guest/windows/windows-guest-settings.ts';
import type { LabWindowsGuest } from '../../src/lab/windows-guest/windows-guest.ts';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { MoRef } from '../../src/ports/identity.ts';
import { createGuestOperations } from '../../src/vsphere/guest-operations.ts';
import { createVsphere, type VsphereOptions } from '../../src/vsphere/vsphere.ts';
import { startLab, type TestLab } from '../lab/vcenter/lab-vcenter.ts';
import { plainVm } from '../lab/vcenter/sample-inventory.ts';
import type { GuestWorld } from './guest.ts';
import { startWindowsGuestWorld, type WorldChanges } from './windows-guest-world.ts';

export interface WindowsToolsWorld extends GuestWorld {
  readonly lab: LabWindowsGuest;
  readonly vcenter: TestLab;
  readonly vm: { readonly name: string; readonly address: string; readonly moRef: MoRef };
  /** Name and password in the guest. */
  readonly account: readonly [string, string];
  /** A new way in; `username` default that of the world. */
  access(shared?: { readonly username: string; readonly logins: AccountLogins }): WindowsAccess;
  /** Files and folders among the temporary ones of the account. */
  filesLeft(): readonly string[];
  connectionCount(): number;
}

export interface ToolsWorldChanges extends Pick<WorldChanges, 'settings' | 'writers' | 'drives'> {
  readonly toolsRunningStatus?: 'guestToolsRunning' | 'guestToolsNotRunning';
  /** Other than the account has. */
  readonly password?: string;
}

const VM_NAME = 'ad01';
const VCENTER_PASSWORD = 'secret';
const USERNAME = 'SQL01\\backup';
const PASSWORD = 'p<ss&wörd "1"';

/** Several round trips must fit in, also on a busy machine. */
const HOLD_MS = 2000;

/** Made once for all worlds of a file. */
let hostCertificate: ReturnType<typeof issueCertificate> | undefined;

/** The lab's Windows guest, and the adapter that knows no other way to it than VMware Tools. */
export async function startWindowsToolsWorld(changes: ToolsWorldChanges = {}): Promise<WindowsToolsWorld> {
  const { toolsRunningStatus = 'guestToolsRunning', password, ...others } = changes;
  const world = await startWindowsGuestWorld('ntlm-http', {
    ...others,
    settings: { holdMs: HOLD_MS, ...changes.settings },
  });
  hostCertificate ??= createAuthority('another CA').then((authority) =>
    issueCertificate(authority, 'esx1.example.org'),
  );
  const vcenter = await startLab({ hostTls: await hostCertificate, pace: new Pace(1) }, [
    plainVm(VM_NAME, 78, {
      guest: {
        family: 'windowsGuest',
        fullName: 'Microsoft Windows Server 2022 (64-bit)',
        hostName: VM_NAME,
        ipAddress: '192.0.2.8',
        toolsRunningStatus,
      },
    }),
  ]);
  vcenter.vcenter.setAgent(VM_NAME, world.lab.agent);
  const options: VsphereOptions = {
    url: vcenter.vcenter.url,
    username: 'admin@vsphere.local',
    password: async () => VCENTER_PASSWORD,
    tls: { ca: vcenter.authority.certificate },
    clock: systemClock,
  };
  const hypervisor = createVsphere(options);
  const [[found] = []] = await hypervisor.findVms([{ by: 'name', name: VM_NAME }], AbortSignal.timeout(60_000));
  await hypervisor.close();
  if (!found) throw new Error('the VM is in the inventory');
  const vm = { name: VM_NAME, address: '192.0.2.8', moRef: found.moRef };
  const server = createGuestOperations(options);
  const access: WindowsToolsWorld['access'] = (shared) => {
    const account = { username: shared?.username ?? USERNAME, password: async () => password ?? PASSWORD };
    return guestOperationsAccess({ server, vm, ...account }, systemClock, shared?.logins);
  };
  const settings: Omit<WindowsGuestSettings, 'access'> = {
    holdMs: HOLD_MS,
    windowsHoldMs: world.lab.vss.holdLimitMs,
    thawResendMs: 1000,
    thawPatienceMs: 3000,
    ...changes.settings,
  };
  const filesLeft = () => world.lab.files.below(world.lab.agent.temporaryFolder);
  const sessions = () => filesLeft().filter((path) => path.split('\\').at(-1)?.startsWith('snaphook-')).length;
  return {
    ...world,
    guests: createWindowsGuests({
      clock: systemClock,
      settingsFor: ({ name }) => (name === VM_NAME ? { ...settings, access: access() } : undefined),
    }),
    vm,
    holdMs: HOLD_MS,
    limitMs: 20_000,
    secrets: [PASSWORD, VCENTER_PASSWORD],
    sessionCount: sessions,
    leftoverCount: sessions,
    // Of the vCenter and of the ESXi host.
    connectionCount: () => vcenter.events.events.filter(({ kind: event }) => event === 'connection').length,
    close: async () => {
      await server.close();
      await vcenter.vcenter.close();
      await world.close();
    },
    account: [USERNAME, PASSWORD],
    access,
    vcenter,
    filesLeft,
  };
}
