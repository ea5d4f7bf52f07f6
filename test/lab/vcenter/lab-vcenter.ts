import type { VmInventory } from '../../../src/lab/vcenter/inventory.ts';
import { type LabVcenter, startVcenter, type VcenterOptions } from '../../../src/lab/vcenter/vcenter.ts';
import { createAuthority, issueCertificate, type LabAuthority } from '../../../src/lab/world/certificates.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { RawSoap } from './raw-soap.ts';
import { sampleInventory } from './sample-inventory.ts';

export interface TestLab {
  readonly vcenter: LabVcenter;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly authority: LabAuthority;
  /** Without a session. */
  client(): RawSoap;
  /** Logged in as a user with all privileges. */
  admin(): Promise<RawSoap>;
}

let shared: Promise<{ authority: LabAuthority; tls: { key: string; cert: string } }> | undefined;
const running = new Set<LabVcenter>();

/** A vCenter with the sample inventory, closed by `closeLabs`. */
export async function startLab(
  options: Partial<VcenterOptions> = {},
  more: readonly VmInventory[] = [],
): Promise<TestLab> {
  shared ??= createAuthority().then(async (authority) => ({
    authority,
    tls: await issueCertificate(authority, 'vcenter.lab'),
  }));
  const { authority, tls } = await shared;
  const events = new EventLog();
  const faults = new FaultRules(events);
  const vcenter = await startVcenter({
    events,
    faults,
    pace: new Pace(0.01),
    latency: { latencyMs: 0, jitterMs: 0 },
    tls,
    users: [
      { name: 'admin@vsphere.local', password: 'secret', privileges: 'all' },
      { name: 'reader@vsphere.local', password: 'secret', privileges: ['System.Read'] },
      { name: 'viewer@vsphere.local', password: 'secret', privileges: [] },
    ],
    inventory: sampleInventory(more),
    ...options,
  });
  running.add(vcenter);
  const client = () => new RawSoap(vcenter.port, authority.certificate);
  return {
    vcenter,
    events,
    faults,
    authority,
    client,
    admin: async () => {
      const soap = client();
      const answer = await soap.login();
      if (answer.fault) throw new Error(answer.fault.message);
      return soap;
    },
  };
}

export async function closeLabs(): Promise<void> {
  await Promise.all([...running].map((vcenter) => vcenter.close()));
  running.clear();
}
