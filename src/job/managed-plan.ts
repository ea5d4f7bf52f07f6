import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import { type MoRef, wwn } from '../ports/identity.ts';
import type { HostOfVm, VmSnapshots } from '../ports/vm-snapshots.ts';
import type { VmDisk } from './identity.ts';
import type { JobSpec } from './job-spec.ts';
import type { ManagedDisk, ManagedPlan } from './plan.ts';
import type { JobPorts } from './ports.ts';
import type { SourceDevice } from './sources.ts';
import { findVm } from './vms.ts';

/** Can these VMs be captured by VM snapshots, and their disks be added to the VM of this machine where they are to be? Changes nothing. */
export async function checkManaged(
  { hypervisor, vmSnapshots }: Pick<JobPorts, 'hypervisor' | 'vmSnapshots'>,
  spec: JobSpec,
  { vms, warnings }: { readonly vms: readonly VmRecord[]; readonly warnings: string[] },
  signal: AbortSignal,
): Promise<ManagedPlan['proxyVm']> {
  if (spec.proxyVm === undefined || !vmSnapshots) {
    throw new SnaphookError('E_CONFIG', `job "${spec.name}" takes the route "managed", and the proxy has no VM`, {
      hint: 'Name the VM this machine runs in as `proxy.vm`: disks are added to it. A physical proxy cannot take this route.',
    });
  }
  for (const vm of vms) {
    for (const disk of vm.disks) {
      const refusal = managedRefusal({ vm, disk });
      if (refusal) throw refusal;
    }
  }
  const proxy = await findVm(hypervisor, spec.proxyVm, signal);
  if (vms.some(({ instanceUuid }) => instanceUuid === proxy.instanceUuid)) {
    throw new SnaphookError(
      'E_DISK_UNSUPPORTED',
      `VM "${proxy.name}" is the proxy itself and cannot be captured by it`,
      {
        hint: 'Leave the proxy VM to another proxy or backup method.',
      },
    );
  }
  warnings.push('each VM is stunned for a moment while vSphere takes its snapshot');
  if (vms.length > 1) warnings.push(`${vms.length} VMs have a snapshot each: there is no common point in time`);
  const found = { moRef: proxy.moRef, name: proxy.name };
  // vCenter copies the disks of a clone: none is added to the proxy VM.
  if (spec.clone) return found;
  const { facts, host } = await readProxyVm(vmSnapshots, proxy.moRef, signal);
  const needed = vms.reduce((sum, { disks }) => sum + disks.length, 0);
  const trouble = !facts.poweredOn
    ? 'is not powered on'
    : !facts.showsSerials
      ? 'does not show the serials of its disks'
      : facts.freePlaces < needed
        ? `has room for ${facts.freePlaces} more disk(s), and ${needed} are to be added`
        : undefined;
  if (trouble !== undefined) {
    throw new SnaphookError('E_PROXY_DEVICE', `proxy VM "${proxy.name}" ${trouble}`, {
      hint: 'It must be the VM of this machine, with `disk.EnableUUID = TRUE` and free places on its SCSI controllers (best paravirtual ones).',
    });
  }
  for (const vm of vms) for (const disk of vm.disks) requireReach(proxy.name, host, { vm, disk });
  return found;
}

async function readProxyVm(vcenter: VmSnapshots, vm: MoRef, signal: AbortSignal) {
  try {
    return { facts: await vcenter.proxyVm(vm, signal), host: await vcenter.hostOfProxyVm(vm, signal) };
  } finally {
    await vcenter.close();
  }
}

/** A disk is opened by the host that the proxy VM runs on, whatever host its own VM is on. */
function requireReach(proxyVm: string, { name: host, datastores }: HostOfVm, { vm, disk }: VmDisk): void {
  const { backing, label } = disk;
  if (backing.kind !== 'vvol') return;
  const mount = datastores.find(({ moRef }) => moRef === backing.datastoreRef);
  if (mount?.accessible) return;
  const trouble = mount ? 'does not reach' : 'does not mount';
  throw new SnaphookError(
    'E_PROXY_DEVICE',
    `disk "${label}" of VM "${vm.name}" cannot be added to proxy VM "${proxyVm}": its ESXi host "${host}" ${trouble} datastore "${backing.datastore}"`,
    {
      hint: mount
        ? 'Bring the storage of that host back (for vVols: its protocol endpoints and the VASA provider), or move the proxy VM to a host that reaches the datastore.'
        : 'Mount the datastore on that host, or move the proxy VM to a host that has it, in the same datacenter.',
    },
  );
}

/** Why a VM snapshot cannot capture the disk, or the proxy not find it; undefined when both can. */
export function managedRefusal({ vm, disk }: VmDisk): SnaphookError | undefined {
  const { label, backing, diskMode, guestDiskUuid } = disk;
  const why =
    backing.kind !== 'vvol'
      ? 'it is not a vVol'
      : diskMode.startsWith('independent')
        ? 'independent disks are no part of VM snapshots'
        : guestDiskUuid === undefined
          ? 'vCenter shows no serial by which the proxy could find it'
          : undefined;
  if (why === undefined) return undefined;
  return new SnaphookError(
    'E_DISK_UNSUPPORTED',
    `disk "${label}" of VM "${vm.name}" cannot be captured by the route "managed": ${why}`,
    { hint: 'Take the VM out of the job, or use `route: snapvx` where the array takes snapshots of its devices.' },
  );
}

/** Errors: `E_RUN_OPEN` when another run of this machine has one of the disks attached: they have the same serial. */
export function managedPlan(
  proxyVm: ManagedPlan['proxyVm'],
  found: {
    readonly sources: readonly SourceDevice[];
    readonly vms: readonly VmRecord[];
    readonly names: readonly string[];
  },
  attached: ReadonlyMap<string, string>,
): ManagedPlan {
  const vmOf = new Map(found.vms.map((vm) => [vm.instanceUuid, vm]));
  const disks = found.sources.map((source, index): ManagedDisk => {
    const [held] = source.disks;
    const vm = held && vmOf.get(held.vm);
    const disk = vm?.disks.find(({ key }) => key === held?.key);
    const imagePath = found.names[index];
    if (!vm || !disk?.guestDiskUuid || imagePath === undefined) throw new TypeError('a vVol is one disk of one VM');
    const other = attached.get(disk.guestDiskUuid);
    if (other !== undefined) {
      throw new SnaphookError('E_RUN_OPEN', `disk "${disk.label}" of VM "${vm.name}" is being read by run "${other}"`, {
        hint: 'Both would have the same serial on the proxy. Wait for the post hook of that run.',
        retry: 'safe',
      });
    }
    const { key, label, capacityBytes } = disk;
    const diskUuid = wwn(disk.guestDiskUuid);
    return { vm: vm.instanceUuid, key, label, diskUuid, imagePath, imageBytes: capacityBytes };
  });
  return { proxyVm, disks };
}
