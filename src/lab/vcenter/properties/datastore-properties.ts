import type { DatastoreInventory, VmfsDatastoreInventory, VvolDatastoreInventory } from '../inventory.ts';
import { datastoresOfVm, hostsMounting, shownName } from '../model/inventory-tree.ts';
import type { PropertyReaders } from '../model/managed-object.ts';
import { type Model, vmsOf } from '../model/model.ts';
import type { DatastoreRecord, HostRecord } from '../model/records.ts';
import { type DataObject, data, type Reference, reference } from '../wire/vim-values.ts';
import { entityReaders, refOf } from './entity-properties.ts';
import { stableHex, stableVmfsUuid } from './stable-ids.ts';

const VMFS6_MAX_FILE_BYTES = 70_368_744_177_664;
const VVOL_MAX_FILE_BYTES = 68_169_720_922_112;

export function datastoreReaders(datastore: DatastoreRecord, model: Model): PropertyReaders {
  const { spec } = datastore;
  return {
    ...entityReaders(datastore, model),
    info: () => datastoreInfo(datastore, model),
    summary: () =>
      data('DatastoreSummary', {
        datastore: refOf(datastore),
        name: shownName(datastore.name),
        url: datastoreUrl(spec),
        capacity: spec.capacityBytes,
        freeSpace: freeBytes(spec),
        uncommitted: 0,
        accessible: (spec.accessible ?? true) && !isUnmounted(datastore),
        multipleHostAccess: hostsMounting(datastore).length > 1,
        type: spec.type,
        maintenanceMode: spec.maintenanceMode ?? 'normal',
      }),
    host: () =>
      hostsMounting(datastore).map((host) =>
        data('DatastoreHostMount', {
          key: refOf(host),
          mountInfo: data('HostMountInfo', {
            path: datastoreUrl(spec).replace(/^ds:\/\/(.*)\/$/, '$1'),
            accessMode: 'readWrite',
            mounted: isMountedOn(host, datastore),
            accessible: isAccessibleOn(host, datastore),
          }),
        }),
      ),
    vm: () =>
      vmsOf(model)
        .filter((vm) => datastoresOfVm(vm).includes(datastore))
        .map(refOf),
    browser: () => datastoreBrowser(datastore),
    capability: () =>
      data('DatastoreCapability', {
        directoryHierarchySupported: true,
        rawDiskMappingsSupported: spec.type === 'VMFS',
        perFileThinProvisioningSupported: true,
        storageIORMSupported: spec.type !== 'VVOL',
        nativeSnapshotSupported: spec.type === 'VVOL',
        topLevelDirectoryCreateSupported: spec.type !== 'VVOL',
        seSparseSupported: spec.type === 'VMFS',
      }),
    iormConfiguration: () => undefined,
  };
}

export function datastoreBrowser(datastore: DatastoreRecord): Reference {
  return reference('HostDatastoreBrowser', `datastoreBrowser-${datastore.id}`);
}

export function datastoreBrowserReaders(datastore: DatastoreRecord): PropertyReaders {
  return { datastore: () => [refOf(datastore)] };
}

export function datastoreUrl(spec: DatastoreInventory): string {
  switch (spec.type) {
    case 'VMFS':
      return `ds:///vmfs/volumes/${vmfsUuid(spec)}/`;
    case 'VVOL':
      return `ds:///vmfs/volumes/${spec.containerId}/`;
    case 'NFS':
      return `ds:///vmfs/volumes/${stableHex(`${spec.remoteHost}:${spec.remotePath}`, 8)}-${stableHex(spec.remotePath, 8)}/`;
  }
}

export function vmfsUuid(spec: VmfsDatastoreInventory): string {
  return spec.vmfsUuid ?? stableVmfsUuid(spec.extents[0] ?? spec.name);
}

/** On every host. */
function isUnmounted(datastore: DatastoreRecord): boolean {
  const hosts = hostsMounting(datastore);
  return hosts.length > 0 && !hosts.some((host) => isMountedOn(host, datastore));
}

/** False for a volume that was unmounted there. */
export function isMountedOn(host: HostRecord, { spec }: DatastoreRecord): boolean {
  return spec.type !== 'VMFS' || !host.unmountedVolumes.has(vmfsUuid(spec));
}

/** The host can open files there. */
export function isAccessibleOn(host: HostRecord, datastore: DatastoreRecord): boolean {
  const { accessible = true, unreachedBy } = datastore.spec;
  return accessible && !unreachedBy?.includes(host.name) && isMountedOn(host, datastore);
}

function freeBytes(spec: DatastoreInventory): number {
  return spec.freeBytes ?? Math.floor(spec.capacityBytes / 2);
}

function datastoreInfo(datastore: DatastoreRecord, model: Model): DataObject {
  const { spec } = datastore;
  const maxFileSize = spec.type === 'VVOL' ? VVOL_MAX_FILE_BYTES : VMFS6_MAX_FILE_BYTES;
  const common = {
    name: shownName(datastore.name),
    url: datastoreUrl(spec),
    freeSpace: freeBytes(spec),
    maxFileSize,
    maxVirtualDiskCapacity: VVOL_MAX_FILE_BYTES,
    maxMemoryFileSize: maxFileSize,
    timestamp: model.startedAt,
  };
  switch (spec.type) {
    case 'VMFS':
      return data('VmfsDatastoreInfo', {
        ...common,
        maxPhysicalRDMFileSize: VMFS6_MAX_FILE_BYTES,
        maxVirtualRDMFileSize: VVOL_MAX_FILE_BYTES,
        vmfs: vmfsVolume(datastore.name, spec),
      });
    case 'VVOL':
      return data('VvolDatastoreInfo', {
        ...common,
        containerId: spec.containerId,
        vvolDS: vvolVolume(datastore, spec),
      });
    case 'NFS':
      return data('NasDatastoreInfo', {
        ...common,
        nas: data('HostNasVolume', {
          type: 'NFS',
          name: shownName(datastore.name),
          capacity: spec.capacityBytes,
          remoteHost: spec.remoteHost,
          remotePath: spec.remotePath,
          remoteHostNames: [spec.remoteHost],
        }),
      });
  }
}

function vmfsVolume(name: string, spec: VmfsDatastoreInventory): DataObject {
  return data('HostVmfsVolume', {
    type: 'VMFS',
    name: shownName(name),
    capacity: spec.capacityBytes,
    blockSizeMb: 1,
    blockSize: 1024,
    unmapGranularity: 1024,
    unmapPriority: 'low',
    maxBlocks: 63_963_136,
    majorVersion: 6,
    version: '6.82',
    uuid: vmfsUuid(spec),
    extent: spec.extents.map((diskName) => data('HostScsiDiskPartition', { diskName, partition: 1 })),
    vmfsUpgradable: false,
    ssd: true,
    local: false,
    scsiDiskType: 'native512',
  });
}

function vvolVolume(datastore: DatastoreRecord, spec: VvolDatastoreInventory): DataObject {
  const hosts = hostsMounting(datastore);
  const endpoints = hosts.flatMap((host) =>
    host.spec.scsiLuns
      .filter((lun) => lun.protocolEndpoint)
      .map((lun) =>
        data('VVolHostPE', {
          key: refOf(host),
          protocolEndpoint: [
            data('HostProtocolEndpoint', {
              peType: 'block',
              type: 'scsi',
              uuid: lun.canonicalName,
              hostKey: [refOf(host)],
              storageArray: spec.storageArrays[0]?.uuid,
              deviceId: lun.canonicalName,
            }),
          ],
        }),
      ),
  );
  return data('HostVvolVolume', {
    type: 'VVOL',
    name: shownName(datastore.name),
    capacity: spec.capacityBytes,
    scId: spec.containerId,
    hostPE: endpoints,
    storageArray: spec.storageArrays.map((array) => data('VASAStorageArray', { ...array })),
    protocolEndpointType: 'scsi',
  });
}
