import { SnaphookError } from '../ports/errors.ts';
import type { VmHome } from '../ports/host-storage.ts';
import type { DiskBacking, VmRecord } from '../ports/hypervisor.ts';
import type { CloneWish, JobSpec } from './job-spec.ts';
import type { ClonePlan, MountedClonePlan } from './plan.ts';
import type { JobPorts } from './ports.ts';

const MAX_NAME_LENGTH = 80;

/**
 * Where the clone of a VM comes to lie. Refused is whatever would make the copy use files of the original: its configuration names
 * files in its own folder without a path, and all others by the datastore they were on. Errors: `E_CLONE`, `E_VCENTER*`.
 */
export async function planMountedClone(
  ports: JobPorts,
  spec: Pick<JobSpec, 'name' | 'presentGroup'>,
  wish: CloneWish,
  vms: readonly VmRecord[],
  signal: AbortSignal,
): Promise<MountedClonePlan> {
  const vm = clonable(vms);
  const datastore = commonDatastore(vm);
  if (spec.presentGroup === undefined) {
    throw new SnaphookError('E_CONFIG', `job "${spec.name}" does not say how an ESXi host is shown clones of VMFS`, {
      hint: 'Set `clones.presentGroup`: the storage group of a masking view of that host.',
    });
  }
  const { hostStorage } = ports;
  try {
    const home = await hostStorage.homeOf(vm.moRef, signal);
    const configFile = configFileOf(vm, datastore.name, home);
    return { ...(await placeOf(ports, wish, { vm, home }, signal)), datastore, configFile };
  } finally {
    await hostStorage.close();
  }
}

/** The one VM, in a state in which a copy of it is one that can be powered on. */
export function clonable([vm, ...others]: readonly VmRecord[]): VmRecord {
  if (!vm || others.length > 0) {
    throw refused(`${others.length + (vm ? 1 : 0)} VMs are selected`, 'Name the one VM that is to be cloned.');
  }
  const { suspended, faultTolerant } = vm.condition;
  if (suspended || faultTolerant) {
    const how = suspended ? 'is suspended' : 'is protected by Fault Tolerance';
    throw refused(`VM "${vm.name}" ${how}, and so would its copy be`, 'Change that in vCenter, then clone it.');
  }
  return vm;
}

/** Host, folder and name of the clone. */
export async function placeOf(
  ports: JobPorts,
  wish: CloneWish,
  { vm, home }: { readonly vm: VmRecord; readonly home: VmHome },
  signal: AbortSignal,
): Promise<Pick<ClonePlan, 'host' | 'pool' | 'folder' | 'name'>> {
  const host = await ports.hostStorage.findHost(wish.host, signal);
  if (host.unusable !== undefined) {
    throw refused(
      `ESXi host "${host.name}" cannot show it: ${host.unusable}`,
      'Name another host, or wait for this one.',
    );
  }
  const folder = await folderOf(ports, wish, home, signal);
  if (host.datacenter !== folder.datacenter || host.datacenter !== home.datacenter) {
    throw refused(
      `VM "${vm.name}", ESXi host "${host.name}" and the folder are not in one datacenter`,
      'Name a host and a folder of the datacenter of the VM.',
    );
  }
  const name = wish.name ?? defaultName(vm, ports);
  await checkName(ports, name, signal);
  return { host: { moRef: host.moRef, name: host.name }, pool: host.rootPool, folder: folder.folder, name };
}

/** The one VMFS datastore that all disks are files on, without any chain. */
function commonDatastore(vm: VmRecord): MountedClonePlan['datastore'] {
  const found = new Map<string, MountedClonePlan['datastore']>();
  for (const { label, backing, onSnapshot } of vm.disks) {
    const elsewhere = whyNoFile(backing);
    if (elsewhere !== undefined) {
      throw refused(
        `disk "${label}" of VM "${vm.name}" is ${elsewhere}, not a file on the datastore that is copied`,
        'Only VMs whose disks all lie on one VMFS datastore can be cloned from a snapshot of the array. VMs on vVols are copied by vCenter where the route of the job is `managed`.',
      );
    }
    if (onSnapshot || vm.condition.snapshots.length > 0) {
      throw refused(
        `VM "${vm.name}" has VM snapshots, whose files name each other`,
        'Remove its VM snapshots, then clone it.',
      );
    }
    if (backing.kind === 'vmfs') {
      found.set(backing.datastoreRef, { name: backing.datastore, vmfsUuid: backing.vmfsUuid ?? '' });
    }
  }
  const [datastore, ...others] = found.values();
  if (!datastore || others.length > 0) {
    const names = [...found.values()].map(({ name }) => `"${name}"`).join(', ');
    throw refused(
      `the disks of VM "${vm.name}" are on ${found.size} datastores: ${names}`,
      'Only VMs whose disks all lie on one VMFS datastore can be cloned from a snapshot.',
    );
  }
  if (datastore.vmfsUuid === '') {
    throw refused(
      `vCenter does not tell the uuid of datastore "${datastore.name}"`,
      'Rescan the storage of its hosts.',
    );
  }
  return datastore;
}

function whyNoFile(backing: DiskBacking): string | undefined {
  if (backing.kind === 'vmfs') return undefined;
  if (backing.kind === 'vvol') return 'a virtual volume';
  return backing.kind === 'rdm' ? 'a raw device' : 'of another kind';
}

/** The configuration and every disk lie in one folder of the datastore. */
function configFileOf(vm: VmRecord, datastore: string, { vmPathName }: VmHome): string {
  const [, on, configFile] = /^\[(.+?)\] (.+)$/.exec(vmPathName) ?? [];
  if (on !== datastore || configFile === undefined) {
    throw refused(
      `VM "${vm.name}" has its configuration at "${vmPathName}", not on datastore "${datastore}" with its disks`,
      'Move the configuration to the datastore of the disks, or the disks to that of the configuration.',
    );
  }
  const folder = folderOfFile(vmPathName);
  const stray = vm.disks.find(({ backing }) => backing.kind === 'vmfs' && folderOfFile(backing.fileName) !== folder);
  if (stray && stray.backing.kind === 'vmfs') {
    throw refused(
      `disk "${stray.label}" of VM "${vm.name}" lies at "${stray.backing.fileName}", outside of the folder of the VM`,
      'The copied configuration would name the original disk. Move the disk into the folder of the VM.',
    );
  }
  return configFile;
}

const folderOfFile = (path: string): string => path.replace(/\/[^/]*$/, '');

async function folderOf(ports: JobPorts, { folder: path }: CloneWish, home: VmHome, signal: AbortSignal) {
  if (path !== undefined) return ports.hostStorage.findFolder(path, signal);
  if (home.folder !== undefined) return { folder: home.folder, datacenter: home.datacenter };
  throw refused('the VM lies in a vApp, not in a folder', 'Name a folder for the clone with `--folder`.');
}

/** Names of VMs are the same in one folder only; another VM of the name would be confusing in any. */
async function checkName(ports: JobPorts, name: string, signal: AbortSignal): Promise<void> {
  if (name.trim() !== name || name === '' || name.length > MAX_NAME_LENGTH) {
    throw refused(
      `"${name}" is no name for a VM`,
      `It has 1 to ${MAX_NAME_LENGTH} characters, none of them a blank at its ends.`,
    );
  }
  const [found] = await ports.hypervisor.findVms([{ by: 'name', name }], signal);
  if (found && found.length > 0)
    throw refused(`there is a VM "${name}" already`, 'Give the clone another name with `--name`.');
}

/** With the time, so that a second clone has another name. */
function defaultName({ name }: VmRecord, { clock }: JobPorts): string {
  const suffix = `-clone-${clock.now().toISOString().replace(/\D/g, '').slice(0, 14)}`;
  return `${name.slice(0, MAX_NAME_LENGTH - suffix.length)}${suffix}`;
}

export const refused = (why: string, hint: string): SnaphookError =>
  new SnaphookError('E_CLONE', `no clone can be made: ${why}`, { hint });
