import { ARRAY_ID } from '../../src/lab/estate-array.ts';
import { dashedDiskUuid, uuid, vvolWwn, wwnOf } from '../../src/lab/estate-identity.ts';
import type { InitialArrayConfig } from '../../src/lab/unisphere/array-config.ts';
import type { DiskInventory, VcenterInventory } from '../../src/lab/vcenter/inventory.ts';
import type { ArrayDisk } from './array-guest.ts';

export const VM = 'real01';
export const POOL = 'SG-pool';
export const PROXY_HOST = 'proxy01';
const ESX = 'esx01.lab';
const ENDPOINT = '00700';
const CONTAINER = '600009700BCBB71139FF01780000050A';
const CYLINDER_BYTES = 15 * 131_072;

/** A partitioned disk is a physical RDM, the others are vVols. */
const isRdm = ({ partitioned }: ArrayDisk) => partitioned;
const lunsOf = (disks: readonly ArrayDisk[]) => [ENDPOINT, ...disks.filter(isRdm).map(({ labDevice }) => labDevice)];

/** Targets of exactly the sizes of the guest's disks. */
const targetsOf = (disks: readonly ArrayDisk[]) =>
  disks.map(({ cylinders }, index) => ({ id: `0050${index + 1}`, cylinders }));

/** What the array has beside the guest's disks: targets, then its own. */
export const otherDevices = (disks: readonly ArrayDisk[]) => [...targetsOf(disks), { id: ENDPOINT, cylinders: 3 }];

const port = { director: 'SE-1E', port: '000' };
const initiatorOf = (host: string) => `iqn.1993-08.org.debian:01:${host}`;

/** Groups, hosts and views as an admin would have made them. */
export const arrayConfig = (disks: readonly ArrayDisk[]): InitialArrayConfig => ({
  storageGroups: [
    { id: 'SG-esx', srp: 'SRP_1', volumes: lunsOf(disks) },
    { id: POOL, volumes: targetsOf(disks).map(({ id }) => id) },
  ],
  initiators: [PROXY_HOST, 'esx01'].map((host) => ({ id: initiatorOf(host), ports: [port] })),
  hosts: [PROXY_HOST, 'esx01'].map((host) => ({ id: host, initiators: [initiatorOf(host)] })),
  portGroups: [{ id: 'PG-iscsi', protocol: 'iSCSI', ports: [port] }],
  maskingViews: [
    { id: 'MV-esx', host: 'esx01', portGroup: 'PG-iscsi', storageGroup: 'SG-esx' },
    { id: 'MV-pool', host: PROXY_HOST, portGroup: 'PG-iscsi', storageGroup: POOL },
  ],
  storageContainers: [
    {
      id: 'vmware-container',
      uuid: CONTAINER,
      resources: [
        {
          id: 'resource-1',
          uuid: '6000097011C1992A3A7401E000000025',
          volumes: disks
            .filter((disk) => !isRdm(disk))
            .map(({ labDevice }) => ({ device: labDevice, wwn: vvolWwn(labDevice) })),
        },
      ],
    },
  ],
  protocolEndpoints: [ENDPOINT],
  vasaProviders: [{ address: '127.0.0.1' }],
});

function backingOf(disk: ArrayDisk, index: number, luns: readonly string[]): DiskInventory['backing'] {
  const { labDevice } = disk;
  if (!isRdm(disk))
    return {
      kind: 'vvol',
      datastore: 'vvol-ds01',
      backingObjectId: `naa.${vvolWwn(labDevice)}`,
      fileName: `[vvol-ds01] naa.${vvolWwn('00f01')}/${VM}_${index}.vmdk`,
    };
  // 02 (NAA), 00 (disk), LUN, the NAA id, and the first bytes of the model "SYMMETRIX".
  const lun = luns.indexOf(labDevice).toString(16).padStart(2, '0');
  const lunUuid = `0200${lun}0000${wwnOf(ARRAY_ID, labDevice)}53594d4d4554`;
  return {
    kind: 'rdm',
    datastore: 'vmfs-ds01',
    fileName: `[vmfs-ds01] rdm/${labDevice}.vmdk`,
    lunUuid,
    deviceName: `vml.${lunUuid}`,
    compatibilityMode: 'physicalMode',
  };
}

/** One VM whose disks are those of the real guest, by device and by serial. */
export const siteInventory = (disks: readonly ArrayDisk[]): VcenterInventory => ({
  instanceUuid: uuid('vcenter of the real guest'),
  datacenters: [
    {
      name: 'DC1',
      clusters: [
        {
          name: 'cluster1',
          hosts: [
            {
              name: ESX,
              uuid: uuid(ESX),
              scsiLuns: lunsOf(disks).map((device, lun) => ({
                canonicalName: `naa.${wwnOf(ARRAY_ID, device)}`,
                capacityBytes: (disks.find(({ labDevice }) => labDevice === device)?.cylinders ?? 3) * CYLINDER_BYTES,
                lun,
                protocolEndpoint: device === ENDPOINT,
              })),
            },
          ],
        },
      ],
      datastores: [
        {
          name: 'vvol-ds01',
          type: 'VVOL',
          capacityBytes: 2 ** 40,
          containerId: 'vvol:600009700bcbb711-39ff01780000050a',
          storageArrays: [{ name: ARRAY_ID, uuid: `com.emc:${ARRAY_ID}`, vendorId: 'EMC', modelId: 'PowerMax_2500' }],
        },
        { name: 'vmfs-ds01', type: 'VMFS', capacityBytes: 2 ** 30, extents: [`naa.${wwnOf(ARRAY_ID, '00201')}`] },
      ],
      vms: [
        {
          name: VM,
          host: ESX,
          instanceUuid: uuid(`instance-${VM}`),
          biosUuid: uuid(`bios-${VM}`),
          powerState: 'poweredOn',
          diskUuidEnabled: true,
          disks: disks.map((disk, index) => ({
            key: 2000 + index,
            label: `Hard disk ${index + 1}`,
            controllerKey: 1000,
            unitNumber: index,
            capacityBytes: disk.cylinders * CYLINDER_BYTES,
            uuid: dashedDiskUuid(disk.serial),
            ...(isRdm(disk) ? { diskMode: 'independent_persistent' } : {}),
            backing: backingOf(disk, index, lunsOf(disks)),
          })),
          guest: {
            family: 'linuxGuest',
            fullName: 'Debian GNU/Linux 12 (64-bit)',
            hostName: 'guest',
            ipAddress: '127.0.0.1',
            toolsRunningStatus: 'guestToolsRunning',
            guestOperationsReady: true,
          },
        },
      ],
    },
  ],
});
