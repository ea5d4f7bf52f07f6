import { datastoresIn, hostsIn, type Model, vmsOf } from './model.ts';
import type { DatacenterRecord, DatastoreRecord, EntityRecord, HostRecord, VmRecord } from './records.ts';

/** Entities directly below another, as the inventory tree shows them. */
export function childrenOf(entity: EntityRecord, model: Model): readonly EntityRecord[] {
  switch (entity.type) {
    case 'Folder':
      return entity.children;
    case 'Datacenter': {
      const { vm, host, datastore, network } = entity.folders;
      return [vm, host, datastore, network];
    }
    case 'ClusterComputeResource':
      return [...entity.hosts, entity.rootPool];
    case 'ResourcePool':
      return [...entity.pools, ...vmsOf(model).filter((vm) => vm.pool === entity)];
    case 'HostSystem':
      return vmsOf(model).filter((vm) => vm.host === entity);
    default:
      return [];
  }
}

export function datacenterOf(entity: EntityRecord): DatacenterRecord | undefined {
  for (let current: EntityRecord | undefined = entity; current; current = current.parent) {
    if (current.type === 'Datacenter') return current;
  }
  return undefined;
}

export function datastoreNamed(name: string, near: EntityRecord): DatastoreRecord | undefined {
  const datacenter = datacenterOf(near);
  return datacenter && datastoresIn(datacenter).find((datastore) => datastore.name === name);
}

export function hostsMounting(datastore: DatastoreRecord): readonly HostRecord[] {
  const datacenter = datacenterOf(datastore);
  const hosts = datacenter ? hostsIn(datacenter) : [];
  return hosts.filter((host) => datastore.spec.hosts?.includes(host.name) ?? true);
}

/** Datastores a VM has files on: those of its disks, chains included, and the one of its home. */
export function datastoresOfVm(vm: VmRecord): readonly DatastoreRecord[] {
  const names = new Set<string>();
  const home = /^\[(.*?)\]/.exec(vm.spec.vmPathName ?? '')?.[1];
  if (home !== undefined) names.add(home);
  for (const disk of vm.spec.disks) {
    let backing: typeof disk.backing | undefined = disk.backing;
    while (backing) {
      if ('datastore' in backing) names.add(backing.datastore);
      backing = 'parent' in backing ? backing.parent : undefined;
    }
  }
  return [...names].flatMap((name) => datastoreNamed(name, vm) ?? []);
}

/** Names are shown with `%`, `/` and `\` escaped, so that inventory paths stay unambiguous. */
export function shownName(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('/', '%2f').replaceAll('\\', '%5c');
}

const SEGMENT_ESCAPES: Readonly<Record<string, string>> = { '%2f': '/', '%5c': '\\', '%25': '%' };

/** The name meant by one segment of an inventory path. */
export function nameOfSegment(segment: string): string {
  return segment.replace(/%(2f|5c|25)/gi, (sequence) => SEGMENT_ESCAPES[sequence.toLowerCase()] ?? sequence);
}
