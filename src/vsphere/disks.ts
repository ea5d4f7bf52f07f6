import type { DiskBacking, VirtualDisk } from '../ports/hypervisor.ts';
import { moRef } from '../ports/identity.ts';
import { arrayItems, boolean, child, children, integer, ref, text, typeOf } from './decode.ts';
import { diskCondition } from './disk-condition.ts';
import { type HostLun, isLocalName, rawDeviceBacking } from './raw-devices.ts';

/** What the mapping of a disk needs of its datastore. */
export interface DatastoreFacts {
  /** As displayed. */
  readonly name: string;
  /** `DatastoreSummary.type`: `VMFS`, `VVOL`, `NFS`, `NFS41`, `vsan`, `PMEM`, … */
  readonly type: string;
  /** `VmfsDatastoreInfo`: canonical names of the extents, head extent first. */
  readonly extents: readonly string[];
  /** `VvolDatastoreInfo`: the storage container, `vvol:<hex>-<hex>`. */
  readonly containerId: string | undefined;
  /** `HostVvolVolume.storageArray`: name and uuid of each, as the VASA provider gives them. */
  readonly vasaArrays: readonly string[];
  readonly vmfsUuid: string | undefined;
  /** Capacity of the VMFS volume. */
  readonly vmfsBytes: number | undefined;
  /** On a disk of one host. */
  readonly local: boolean;
}

/** What a virtual machine's disks are mapped with. Keys are managed object ids. */
export interface StorageFacts {
  readonly datastores: ReadonlyMap<string, DatastoreFacts>;
  /** Devices by `ScsiLun.uuid` of the VM's host, for raw device mappings. */
  readonly luns: ReadonlyMap<string, HostLun>;
}

/** Reads `Datastore.name`, `summary.type` and `info`. */
export function datastoreFacts(name: string, type: string, info: unknown): DatastoreFacts {
  const url = text(child(info, 'url'));
  return {
    name,
    type,
    extents: children(child(info, 'vmfs'), 'extent')
      .map((extent) => text(child(extent, 'diskName')))
      .filter((diskName) => diskName !== undefined),
    containerId:
      text(child(info, 'vvolDS', 'scId')) ??
      text(child(info, 'containerId')) ??
      url?.match(/\/(vvol:[0-9a-f]+-[0-9a-f]+)\/?$/i)?.[1],
    vasaArrays: children(child(info, 'vvolDS'), 'storageArray').flatMap((array) =>
      [text(child(array, 'name')), text(child(array, 'uuid'))].filter((word) => word !== undefined),
    ),
    vmfsUuid: text(child(info, 'vmfs', 'uuid'))?.toLowerCase(),
    vmfsBytes: integer(child(info, 'vmfs', 'capacity')),
    local: boolean(child(info, 'vmfs', 'local')) ?? false,
  };
}

const isDisk = (device: unknown): boolean => typeOf(device) === 'VirtualDisk';

/** True when a raw device mapping is among the devices: then the host's list of LUNs is needed. */
export function hasRawDevice(devices: unknown): boolean {
  return arrayItems(devices).some((device) => isDisk(device) && isRawDevice(child(device, 'backing')));
}

/** Every datastore that a virtual disk needs. */
export const diskDatastores = (devices: unknown): readonly string[] =>
  arrayItems(devices).flatMap((device) => (isDisk(device) ? chainDatastores(child(device, 'backing')) : []));

const isRawDevice = (backing: unknown): boolean => typeOf(backing) === 'VirtualDiskRawDiskMappingVer1BackingInfo';

/** The virtual disks among `config.hardware.device`; every other device, known or not, is passed over. */
export function virtualDisks(devices: unknown, storage: StorageFacts): readonly VirtualDisk[] {
  const all = arrayItems(devices);
  const sharedControllers = new Set(all.filter(isOnSharedBus).map((device) => integer(child(device, 'key'))));
  return all.filter(isDisk).map((device) => {
    const backing = child(device, 'backing');
    const key = integer(child(device, 'key')) ?? -1;
    return {
      key,
      label: text(child(device, 'deviceInfo', 'label')) ?? `device ${key}`,
      capacityBytes: capacityBytes(device),
      guestDiskUuid: guestDiskUuid(text(child(backing, 'uuid'))),
      diskMode: text(child(backing, 'diskMode')) ?? 'persistent',
      onSnapshot: child(backing, 'parent') !== undefined,
      sharedByWriters:
        text(child(backing, 'sharing')) === 'sharingMultiWriter' ||
        sharedControllers.has(integer(child(device, 'controllerKey'))),
      backing: diskBacking(backing, storage),
      condition: diskCondition(device),
    };
  });
}

/** Cluster nodes reach the disks of such a controller from several VMs. */
function isOnSharedBus(device: unknown): boolean {
  const sharedBus = text(child(device, 'sharedBus'));
  return sharedBus === 'virtualSharing' || sharedBus === 'physicalSharing';
}

export function capacityBytes(device: unknown): number {
  const bytes = integer(child(device, 'capacityInBytes'));
  return bytes ?? (integer(child(device, 'capacityInKB')) ?? 0) * 1024;
}

export function guestDiskUuid(uuid: string | undefined): string | undefined {
  const digits = uuid?.replaceAll('-', '').toLowerCase();
  return digits !== undefined && /^[0-9a-f]{32}$/.test(digits) ? digits : undefined;
}

const unsupported = (reason: string): DiskBacking => ({ kind: 'unsupported', reason });

/** Backing types whose data are one file on a datastore. */
const FILE_BACKINGS: readonly (string | undefined)[] = [
  'VirtualDiskFlatVer2BackingInfo',
  'VirtualDiskSeSparseBackingInfo',
  'VirtualDiskSparseVer2BackingInfo',
];

function diskBacking(backing: unknown, storage: StorageFacts): DiskBacking {
  if (isRawDevice(backing)) return rawDeviceBacking(backing, storage.luns);
  const type = typeOf(backing);
  if (!FILE_BACKINGS.includes(type)) {
    return unsupported(`its backing "${type ?? 'none'}" has no array device behind it that could be found`);
  }
  const datastoreRef = ref(child(backing, 'datastore'));
  const datastore = datastoreRef === undefined ? undefined : storage.datastores.get(datastoreRef.id);
  if (datastoreRef === undefined || datastore === undefined) {
    return unsupported('vCenter does not tell which datastore it lies on');
  }
  switch (datastore.type.toUpperCase()) {
    case 'VVOL': {
      // The top of the chain is the live volume; snapshots are separate read-only volumes (vSphere API: VirtualDisk backing).
      const objectId = text(child(backing, 'backingObjectId'));
      return objectId === undefined || objectId === ''
        ? unsupported(`vCenter shows no virtual volume id for it on datastore "${datastore.name}"`)
        : {
            kind: 'vvol',
            objectId,
            datastore: datastore.name,
            datastoreRef: moRef(datastoreRef.id),
            containerId: datastore.containerId,
            vasaArrays: datastore.vasaArrays,
          };
    }
    case 'VMFS': {
      const elsewhere = chainDatastores(backing).find((id) => id !== datastoreRef.id);
      if (elsewhere !== undefined) {
        const other = storage.datastores.get(elsewhere)?.name ?? elsewhere;
        return unsupported(`its snapshot chain reaches from datastore "${datastore.name}" to "${other}"`);
      }
      if (datastore.extents.length === 0) {
        return unsupported(`vCenter shows no extents of the VMFS datastore "${datastore.name}"`);
      }
      const local = datastore.extents.find(isLocalName);
      if (local !== undefined || datastore.local) {
        const device = local ?? datastore.extents[0];
        return unsupported(
          `the VMFS datastore "${datastore.name}" lies on "${device}", a disk of one host, not on an array`,
        );
      }
      return {
        kind: 'vmfs',
        fileName: text(child(backing, 'fileName')) ?? '',
        datastore: datastore.name,
        datastoreRef: moRef(datastoreRef.id),
        extents: datastore.extents,
        vmfsUuid: datastore.vmfsUuid,
        datastoreBytes: datastore.vmfsBytes,
      };
    }
    case 'NFS':
    case 'NFS41':
      return unsupported(`it lies on the NFS datastore "${datastore.name}": there is no block device to snapshot`);
    case 'VSAN':
      return unsupported(`it lies on the vSAN datastore "${datastore.name}", not on an array`);
    case 'PMEM':
      return unsupported(`it lies in persistent memory of one host ("${datastore.name}")`);
    default:
      return unsupported(`the datastore "${datastore.name}" has the unknown type "${datastore.type}"`);
  }
}

/** Datastores of the disk and of everything below it in its chain. */
export function chainDatastores(backing: unknown): readonly string[] {
  const ids: string[] = [];
  for (let link = backing; link !== undefined; link = child(link, 'parent')) {
    const id = ref(child(link, 'datastore'))?.id;
    if (id !== undefined) ids.push(id);
  }
  return ids;
}
