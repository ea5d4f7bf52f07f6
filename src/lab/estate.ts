import { CYLINDER_BYTES } from './devices/store-contract.ts';
import { ARRAY_ID, arrayConfig, CLONE_GATEKEEPER } from './estate-array.ts';
import { dashedDiskUuid, deviceName, diskUuid, uuid, vvolWwn } from './estate-identity.ts';
import {
  DATASTORE,
  type EstateDatastore,
  EXTENT_CYLINDERS,
  MIXED,
  MORE_DEVICES,
  MORE_LUNS,
  MORE_NAMES,
  MORE_TARGETS,
  SECOND_DATASTORE,
  seenWwn,
} from './estate-storage.ts';
import {
  capacityBytes,
  diskBase,
  ESX,
  plainVms,
  rdmBacking,
  storageVms,
  vm,
  vmfsDisk,
  vvolBacking,
} from './estate-vms.ts';
import type { InitialArrayConfig } from './unisphere/array-config.ts';
import { arrayUniqueGuid, MOBILITY_FAMILY, parseDeviceId } from './unisphere/device-identity.ts';
import type { DiskInventory, VcenterInventory } from './vcenter/inventory.ts';

const MIB = 1024 * 1024;
/** The VM whose guest, a Windows, runs a busy database. */
export const DATABASE_VM = 'sql01';
/** The Linux VM with an application of its own. */
export const LINUX_VM = 'pg01';
/** The backup proxy is a VM too; disks can be added to it while it runs. */
export const PROXY_VM = 'proxy01';

export interface EstateOptions {
  /** Disks of the database VM: 1, 2, 3 or more. */
  readonly disks: number;
  /** Size of each of its devices. */
  readonly cylinders: number;
  /**
   * What the disks of the database VM are: vVols and one physical RDM, physical RDMs alone, or vVols alone, and those of the Linux VM
   * too then. Default mixed.
   */
  readonly disksAre?: 'mixed' | 'rdm' | 'vvol';
  /** The Linux VM has one more disk: a file on the second datastore. */
  readonly linuxDatastoreDisk?: boolean;
  /** How the proxy reaches the array: it sees LUNs or NVMe namespaces. Default iSCSI. */
  readonly proxyProtocol?: 'iSCSI' | 'NVMe_TCP';
  /** Targets of the pool have mobility ids: WWNs that are not tied to the array's serial. */
  readonly mobileTargets?: boolean;
}

/** A device of the array, and what it is there for. */
export interface EstateDevice {
  readonly id: string;
  readonly cylinders: number;
}

export interface GuestDisk {
  readonly device: string;
  /** Serial the guest sees, 32 lower-case hex digits. */
  readonly uuid: string;
  readonly mountPoint: string;
  readonly volumeGuid: string;
}

/** A disk of the Linux VM: one file system on one partition. */
export interface LinuxGuestDisk {
  readonly device: string;
  /** Serial the guest sees, 32 lower-case hex digits. */
  readonly uuid: string;
  readonly mount: { readonly mountPoint: string; readonly fileSystem: string };
  /** Of a disk that is a file on a datastore: where on the device its bytes lie. */
  readonly range?: { readonly atBytes: number; readonly sizeBytes: number };
}

export interface Estate {
  readonly devices: readonly EstateDevice[];
  readonly array: InitialArrayConfig;
  readonly vcenter: VcenterInventory;
  readonly guestDisks: readonly GuestDisk[];
  readonly linuxDisks: readonly LinuxGuestDisk[];
  /** Devices behind vVols. */
  readonly vvolDevices: readonly string[];
  readonly datastores: readonly EstateDatastore[];
}

const mobileNames = (devices: readonly string[]): InitialArrayConfig['devices'] =>
  Object.fromEntries(
    devices.map((device) => [
      device,
      { mobilityWwn: arrayUniqueGuid(ARRAY_ID, MOBILITY_FAMILY, parseDeviceId(device)) },
    ]),
  );

const CONTAINER_ID = 'vvol:600009700bcbb711-39ff01780000050a';

/** A size of its own, so that these disks and those of the database VM never wait for the same targets. */
const LINUX_EXTRA_CYLINDERS = 2;

/**
 * A small site: one array, one vCenter, one database VM whose disks are vVols and one physical RDM, one Linux VM with a vVol
 * and a physical RDM, a pool of targets, and
 * neighbours with everything that must be refused (same names, NFS, a template, a vVol without device, two devices of one identity).
 */
export function createEstate(options: EstateOptions): Estate {
  const sources = Array.from({ length: options.disks }, (_, index) => deviceName(0x101 + index));
  const rdmIndex = options.disks > 1 && options.disksAre !== 'vvol' ? Math.min(2, options.disks - 1) : -1;
  const guestDisks = sources.map(
    (device, index): GuestDisk => ({
      device,
      uuid: diskUuid(`${DATABASE_VM}-${index}`),
      mountPoint: `${'CDEFGHIJKLMNOPQRSTUVWXYZ'[index] ?? 'Z'}:\\`,
      volumeGuid: uuid(`volume-${index}`),
    }),
  );
  const [linuxVvol, linuxOther] = ['00151', '00152'];
  const linuxRdm = options.disksAre === 'vvol' ? undefined : linuxOther;
  const linuxSources = [linuxVvol, linuxOther];
  const wholeDisks = linuxSources.map(
    (device, index): LinuxGuestDisk => ({
      device,
      uuid: diskUuid(`${LINUX_VM}-${index}`),
      mount: index === 0 ? { mountPoint: '/', fileSystem: 'ext4' } : { mountPoint: '/srv/ledger', fileSystem: 'xfs' },
    }),
  );
  const linuxDisks = [...wholeDisks, ...(options.linuxDatastoreDisk ? [diskOnDatastore()] : [])];
  const linuxTargets = ['005C1', '005C2'];
  const targets = [...sources, ...sources].map((_, index) => deviceName(0x501 + index));
  const unmaskedTargets = sources.map((_, index) => deviceName(0x581 + index));
  const [lonely, twin, twinOther, oversized] = ['00301', '00302', '00303', '00304'];
  const devices: EstateDevice[] = [
    ...[...sources, ...targets, ...unmaskedTargets].map((id) => ({ id, cylinders: options.cylinders })),
    ...[...linuxSources, ...linuxTargets].map((id) => ({ id, cylinders: options.cylinders + LINUX_EXTRA_CYLINDERS })),
    ...MORE_DEVICES,
    ...[lonely, twin, twinOther].map((id) => ({ id, cylinders: 8 })),
    { id: oversized, cylinders: 999 },
    { id: '00700', cylinders: 3 },
    { id: '00701', cylinders: 3 },
    { id: CLONE_GATEKEEPER, cylinders: 3 },
  ];
  const isRdm = (index: number) => options.disksAre === 'rdm' || index === rdmIndex;
  const rdmSources = sources.filter((_, index) => isRdm(index));
  const vvolSources = sources.filter((_, index) => !isRdm(index));
  const vvolDevices = [...vvolSources, linuxVvol, ...(linuxRdm === undefined ? [linuxOther] : []), MIXED.vvol];
  const luns = [
    ...rdmSources,
    ...DATASTORE.extents,
    lonely,
    oversized,
    '00700',
    ...(linuxRdm === undefined ? [] : [linuxRdm]),
    ...MORE_LUNS,
  ];
  const lunOf = (device: string) => luns.indexOf(device);

  const databaseDisks = guestDisks.map((disk, index): DiskInventory => {
    const common = {
      key: 2000 + index,
      label: `Hard disk ${index + 1}`,
      controllerKey: 1000 + Math.floor(index / 15),
      unitNumber: index % 15 < 7 ? index % 15 : (index % 15) + 1,
      capacityBytes: capacityBytes(options.cylinders),
      uuid: dashedDiskUuid(disk.uuid),
    };
    if (isRdm(index))
      return {
        ...common,
        diskMode: 'independent_persistent',
        backing: rdmBacking(disk.device, lunOf(disk.device)),
      };
    return { ...common, backing: vvolBacking(vvolWwn(disk.device), DATABASE_VM, index) };
  });

  return {
    devices,
    guestDisks,
    linuxDisks,
    vvolDevices,
    datastores: [DATASTORE, SECOND_DATASTORE],
    array: arrayConfig({
      vvolSources: vvolDevices,
      luns,
      targets: [...targets, '00601', '00602', ...linuxTargets, ...MORE_TARGETS],
      unmaskedTargets,
      twin,
      twinOther,
      names: { ...(options.mobileTargets ? mobileNames(targets) : {}), ...MORE_NAMES },
      proxyProtocol: options.proxyProtocol,
    }),
    vcenter: {
      instanceUuid: uuid('vcenter'),
      datacenters: [
        {
          name: 'DC1',
          vmFolders: [{ name: 'prod' }, { name: 'test' }],
          clusters: [
            {
              name: 'cluster1',
              hosts: [
                {
                  name: ESX,
                  uuid: uuid('esx01'),
                  scsiLuns: [...luns, CLONE_GATEKEEPER].map((device, lun) => ({
                    canonicalName: `naa.${seenWwn(device)}`,
                    capacityBytes: (devices.find(({ id }) => id === device)?.cylinders ?? 0) * CYLINDER_BYTES,
                    lun,
                    protocolEndpoint: device === '00700',
                  })),
                },
              ],
            },
          ],
          datastores: [
            {
              name: 'vvol-ds01',
              type: 'VVOL',
              capacityBytes: 10 * 1024 * 1024 * MIB,
              containerId: CONTAINER_ID,
              storageArrays: [
                { name: ARRAY_ID, uuid: `com.emc:${ARRAY_ID}`, vendorId: 'EMC', modelId: 'PowerMax_2000' },
              ],
            },
            ...[DATASTORE, SECOND_DATASTORE].map(
              ({ name, extents, volume }) =>
                ({
                  name,
                  type: 'VMFS',
                  capacityBytes: extents.length * EXTENT_CYLINDERS * CYLINDER_BYTES,
                  extents: extents.map((device) => `naa.${seenWwn(device)}`),
                  vmfsUuid: volume.uuid,
                }) as const,
            ),
            {
              name: 'nfs-ds01',
              type: 'NFS',
              capacityBytes: 1024 * MIB,
              remoteHost: 'filer.lab',
              remotePath: '/vol/vms',
            },
          ],
          vms: [
            {
              ...vm(DATABASE_VM, ['prod'], databaseDisks),
              guest: {
                family: 'windowsGuest',
                fullName: 'Microsoft Windows Server 2022 (64-bit)',
                hostName: 'sql01.lab',
                ipAddress: '127.0.0.1',
                toolsRunningStatus: 'guestToolsRunning',
                guestOperationsReady: true,
              },
              vmStorageObjectId: `naa.${vvolWwn('00f01')}`,
              controllers: [0, 1].map((bus) => ({ key: 1000 + bus, type: 'ParaVirtualSCSIController' as const })),
              cpus: 4,
              coresPerSocket: 2,
              memoryMb: 16_384,
              secureBoot: true,
              adapters: [
                {
                  type: 'VirtualVmxnet3',
                  network: 'VM Network',
                  macAddress: '00:50:56:9a:3c:11',
                  addressType: 'assigned',
                  startConnected: true,
                },
              ],
            },
            {
              ...vm(
                LINUX_VM,
                ['prod'],
                linuxDisks.map(
                  (disk, index): DiskInventory => ({
                    ...diskBase(options.cylinders + LINUX_EXTRA_CYLINDERS),
                    key: 2000 + index,
                    label: `Hard disk ${index + 1}`,
                    unitNumber: index,
                    uuid: dashedDiskUuid(disk.uuid),
                    ...(disk.range
                      ? {
                          capacityBytes: disk.range.sizeBytes,
                          backing: vmfsDisk(LINUX_VM, SECOND_DATASTORE.name).backing,
                        }
                      : disk.device === linuxRdm
                        ? {
                            diskMode: 'independent_persistent' as const,
                            backing: rdmBacking(linuxRdm, lunOf(linuxRdm)),
                          }
                        : { backing: vvolBacking(vvolWwn(disk.device), LINUX_VM, index) }),
                  }),
                ),
              ),
              guest: {
                family: 'linuxGuest',
                fullName: 'Debian GNU/Linux 12 (64-bit)',
                hostName: 'pg01.lab',
                ipAddress: '127.0.0.1',
                toolsRunningStatus: 'guestToolsRunning',
                guestOperationsReady: true,
              },
            },
            ...plainVms({ twin, lonely, oversized }, lunOf),
            {
              ...vm(
                PROXY_VM,
                ['prod'],
                [
                  {
                    ...diskBase(8),
                    backing: { kind: 'nfs', datastore: 'nfs-ds01', fileName: '[nfs-ds01] proxy01/proxy01.vmdk' },
                  },
                ],
              ),
              controllers: [{ key: 1000, type: 'ParaVirtualSCSIController' }],
            },
            ...storageVms(lunOf),
          ],
        },
      ],
    },
  };
}

/** Behind the headers of the datastore's first extent. */
const diskOnDatastore = (): LinuxGuestDisk => ({
  device: SECOND_DATASTORE.extents[0] ?? '',
  uuid: diskUuid(`${LINUX_VM}-2`),
  mount: { mountPoint: '/srv/shared', fileSystem: 'ext4' },
  range: { atBytes: 24 * MIB, sizeBytes: capacityBytes(2) },
});
