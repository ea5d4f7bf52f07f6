import { type ErrorRecord, toErrorRecord } from '../ports/errors.ts';
import type { FreezeStrategy } from '../ports/guest.ts';
import type { DiskBacking, VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type { JobSpec, RouteName } from './job-spec.ts';
import { managedRefusal } from './managed-plan.ts';
import type { JobPorts } from './ports.ts';
import { diskRefusal, vmRefusals } from './vm-checks.ts';
import { guestOf, selectVms } from './vms.ts';

export interface ListedVmDisk {
  readonly key: number;
  readonly label: string;
  readonly capacityBytes: number;
  readonly storage: DiskBacking['kind'];
  /** Undefined for a raw device, and where vCenter does not tell. */
  readonly datastore: string | undefined;
}

export interface ListedVm extends Pick<VmRecord, 'name' | 'instanceUuid' | 'moRef' | 'guestHostName' | 'guestFamily'> {
  readonly power: 'on' | 'off' | 'suspended' | 'template' | 'disconnected';
  /** How its guest would be frozen; undefined: there are no settings for it, or no address. */
  readonly freeze: FreezeStrategy | undefined;
  readonly disks: readonly ListedVmDisk[];
  /** What vCenter shows speaks against none of these; the arrays were not asked. */
  readonly routes: readonly RouteName[];
  /** Why there is none by the array's own snapshots. */
  readonly refusals: readonly ErrorRecord[];
}

/** The VMs that the selectors lead to, as vCenter alone shows them: for any number of VMs in the same calls but for paging. */
export async function listVms(
  { hypervisor, guests }: Pick<JobPorts, 'hypervisor' | 'guests'>,
  selection: Pick<JobSpec, 'vms' | 'exclude' | 'onNoMatch' | 'hostCaches'>,
  signal: AbortSignal,
): Promise<{ readonly vms: readonly ListedVm[]; readonly warnings: readonly string[] }> {
  const { vms, warnings } = await selectVms(hypervisor, selection, signal);
  const listed = vms.map((vm): ListedVm => {
    const { name, instanceUuid, moRef, guestHostName, guestFamily } = vm;
    const ofVm = vmRefusals(vm);
    const refusals = [...ofVm, ...vm.disks.flatMap((disk) => diskRefusal({ vm, disk }, selection.hostCaches) ?? [])];
    const isManagedPossible = ofVm.length === 0 && vm.disks.every((disk) => managedRefusal({ vm, disk }) === undefined);
    return {
      ...{ name, instanceUuid, moRef, guestHostName, guestFamily },
      power: powerOf(vm),
      freeze: guests.waysFor(guestOf(vm))[0]?.strategy,
      disks: vm.disks.map(listedDisk),
      routes: [
        ...(refusals.length === 0 ? ['snapvx' as const] : []),
        ...(isManagedPossible ? ['managed' as const] : []),
      ],
      refusals: refusals.map(toErrorRecord),
    };
  });
  return { vms: listed.sort((a, b) => a.name.localeCompare(b.name)), warnings };
}

function powerOf({ template, connected, poweredOn, condition }: VmRecord): ListedVm['power'] {
  if (template) return 'template';
  if (!connected) return 'disconnected';
  if (condition.suspended) return 'suspended';
  return poweredOn ? 'on' : 'off';
}

function listedDisk({ key, label, capacityBytes, backing }: VirtualDisk): ListedVmDisk {
  const datastore = 'datastore' in backing ? backing.datastore : undefined;
  return { key, label, capacityBytes, storage: backing.kind, datastore };
}
