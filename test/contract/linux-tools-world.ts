import { createLinuxGuestsByGuestOperations } from '../../src/guest/linux/linux-guest.ts';
import type { LinuxGuestOperationsSettings } from '../../src/guest/linux/linux-guest-settings.ts';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { MoRef } from '../../src/ports/identity.ts';
import { createGuestOperations } from '../../src/vsphere/guest-operations.ts';
import { createVsphere, type VsphereOptions } from '../../src/vsphere/vsphere.ts';
import { startLab, type TestLab } from '../lab/vcenter/lab-vcenter.ts';
import { plainVm } from '../lab/vcenter/sample-inventory.ts';
import { type LinuxGuestWorld, startLinuxGuestWorld, type WorldChanges } from './linux-guest-world.ts';

export interface LinuxToolsWorld extends LinuxGuestWorld {
  readonly vcenter: TestLab;
  readonly vm: { readonly name: string; readonly address: string; readonly moRef: MoRef };
  /** Paths in the folder in memory. */
  filesLeft(): readonly string[];
}

export interface ToolsWorldChanges {
  readonly settings?: Partial<LinuxGuestOperationsSettings>;
  readonly guest?: WorldChanges['guest'];
  /** Account of vCenter. Default one with all privileges. */
  readonly vcenterUser?: string;
  readonly toolsRunningStatus?: 'guestToolsRunning' | 'guestToolsNotRunning';
}

const VCENTER = { 'admin@vsphere.local': 'secret', 'reader@vsphere.local': 'secret' } as const;

/** Several round trips must fit in, also on a busy machine. */
const HOLD_MS = 2000;

/** Made once for all worlds of a file. */
let hostCertificate: ReturnType<typeof issueCertificate> | undefined;

/** The lab's Linux guest, and the adapter that knows no other way to it than VMware Tools. */
export async function startLinuxToolsWorld(changes: ToolsWorldChanges = {}): Promise<LinuxToolsWorld> {
  const world = await startLinuxGuestWorld('password', { ...(changes.guest && { guest: changes.guest }) });
  const { password } = world.accounts;
  hostCertificate ??= createAuthority('another CA').then((authority) =>
    issueCertificate(authority, 'esx1.example.org'),
  );
  const { toolsRunningStatus = 'guestToolsRunning' } = changes;
  const guest = {
    family: 'linuxGuest',
    fullName: 'Debian',
    hostName: 'pg01',
    ipAddress: '192.0.2.7',
    toolsRunningStatus,
  };
  const vcenter = await startLab({ hostTls: await hostCertificate, pace: new Pace(1) }, [
    plainVm('pg01', 77, { guest: { ...guest, family: 'linuxGuest' } }),
  ]);
  vcenter.vcenter.setAgent('pg01', world.lab.agent);
  const options = (username: string): VsphereOptions => ({
    url: vcenter.vcenter.url,
    username,
    password: async () => VCENTER['admin@vsphere.local'],
    tls: { ca: vcenter.authority.certificate },
    clock: systemClock,
  });
  const hypervisor = createVsphere(options('admin@vsphere.local'));
  const [[vm] = []] = await hypervisor.findVms([{ by: 'name', name: 'pg01' }], AbortSignal.timeout(60_000));
  await hypervisor.close();
  if (!vm) throw new Error('the VM is in the inventory');
  const server = createGuestOperations(options(changes.vcenterUser ?? 'admin@vsphere.local'));
  const settings: LinuxGuestOperationsSettings = {
    password: async () => password,
    leaseMs: HOLD_MS,
    thawResendMs: 1000,
    thawPatienceMs: 6000,
    ...changes.settings,
  };
  return {
    ...world,
    guests: createLinuxGuestsByGuestOperations({
      clock: systemClock,
      server,
      settingsFor: ({ name }) => (name === 'pg01' ? settings : undefined),
    }),
    vm: { name: 'pg01', address: '192.0.2.7', moRef: vm.moRef },
    holdMs: HOLD_MS,
    limitMs: 20_000,
    secrets: [password, VCENTER['admin@vsphere.local']],
    // Of the vCenter and of the ESXi host.
    connectionCount: () => vcenter.events.events.filter(({ kind: event }) => event === 'connection').length,
    close: async () => {
      await server.close();
      await vcenter.vcenter.close();
      await world.close();
    },
    vcenter,
    filesLeft: () => world.lab.agent.files.below('/dev/shm'),
  };
}
