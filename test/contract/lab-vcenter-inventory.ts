import type { DiskInventory, VcenterInventory, VmInventory } from '../../src/lab/vcenter/inventory.ts';

const GIB = 1024 ** 3;

export const VCENTER_UUID = '7d1f0c9a-3b52-4c8e-9a61-0f2e4b6d8c10';
export const CONTAINER_ID = 'vvol:00000a1b2c3d4e5f-1234567890abcdef';
export const VVOL_OBJECT = 'rfc4122.6f1e2d3c-4b5a-4697-8877-665544332211';
export const HEAD_EXTENT = 'naa.60000970000197900046533030304131';
export const SECOND_EXTENT = 'naa.60000970000197900046533030304132';
export const RAW_DEVICE = 'naa.60000970000197900046533030304133';
const RAW_UUID = `0200000000${RAW_DEVICE.slice(4)}53594d4d4554`;

export const instanceUuidOf = (nth: number): string => `500c1e5a-0000-4000-8000-${String(nth).padStart(12, '0')}`;

const disk = (unit: number, backing: DiskInventory['backing'], more: Partial<DiskInventory> = {}): DiskInventory => ({
  key: 2000 + unit,
  label: `Hard disk ${unit + 1}`,
  controllerKey: 1000,
  unitNumber: unit,
  capacityBytes: (unit + 1) * GIB,
  backing,
  ...more,
});

const vmfsFile = (fileName: string) => ({ kind: 'vmfs', datastore: 'silver', fileName }) as const;

const vm = (nth: number, name: string, more: Partial<VmInventory> = {}): VmInventory => ({
  name,
  host: 'esx1.lab',
  instanceUuid: instanceUuidOf(nth),
  biosUuid: `420c1e5a-0000-4000-8000-${String(nth).padStart(12, '0')}`,
  powerState: 'poweredOn',
  disks: [disk(0, vmfsFile(`[silver] vm-${nth}/vm.vmdk`))],
  ...more,
});

const everyKindOfDisk: readonly DiskInventory[] = [
  disk(
    0,
    {
      kind: 'vvol',
      datastore: 'gold',
      backingObjectId: VVOL_OBJECT,
      fileName: '[gold] rfc4122.aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/app01.vmdk',
    },
    { uuid: '6000C291-1111-2222-3333-444455556666' },
  ),
  disk(
    1,
    { ...vmfsFile('[silver] app01/app01_1-000001.vmdk'), parent: vmfsFile('[silver] app01/app01_1.vmdk') },
    { uuid: '6000C292-1111-2222-3333-444455556666' },
  ),
  disk(
    2,
    {
      kind: 'rdm',
      datastore: 'silver',
      fileName: '[silver] app01/app01_2.vmdk',
      lunUuid: RAW_UUID,
      deviceName: `vml.${RAW_UUID}`,
      compatibilityMode: 'physicalMode',
    },
    { uuid: '6000C293-1111-2222-3333-444455556666', diskMode: 'independent_persistent' },
  ),
  disk(
    3,
    { kind: 'nfs', datastore: 'share', fileName: '[share] app01/app01_3.vmdk' },
    { uuid: '6000C294-1111-2222-3333-444455556666', sharing: 'sharingMultiWriter' },
  ),
];

const lun = (canonicalName: string) => ({ canonicalName, capacityBytes: 100 * GIB });

/** A vCenter with what a client can meet: every kind of disk, equal names, escaped names, a template, a VM out of reach. */
export function labInventory(extraVms: number): VcenterInventory {
  return {
    instanceUuid: VCENTER_UUID,
    tagCategories: [
      { name: 'Backup', tags: ['gold', 'silver'] },
      { name: 'Owner', tags: ['gold'] },
    ],
    datacenters: [
      {
        name: 'Frankfurt',
        clusters: [
          {
            name: 'cluster1',
            hosts: [
              {
                name: 'esx1.lab',
                uuid: '4c4c4544-0000-4000-8000-000000000001',
                scsiLuns: [HEAD_EXTENT, SECOND_EXTENT, RAW_DEVICE].map(lun),
              },
            ],
          },
        ],
        datastores: [
          { type: 'VMFS', name: 'silver', capacityBytes: 200 * GIB, extents: [HEAD_EXTENT, SECOND_EXTENT] },
          {
            type: 'VVOL',
            name: 'gold',
            capacityBytes: 500 * GIB,
            containerId: CONTAINER_ID,
            storageArrays: [
              { name: '000197900046', uuid: 'com.emc:000197900046', vendorId: 'EMC', modelId: 'SYMMETRIX' },
            ],
          },
          { type: 'NFS', name: 'share', capacityBytes: 50 * GIB, remoteHost: '10.0.0.9', remotePath: '/share' },
          { type: 'VMFS', name: 'bulk', capacityBytes: 200 * GIB, extents: [HEAD_EXTENT] },
        ],
        vms: [
          vm(1, 'app01', {
            folder: ['a/b'],
            tags: ['Backup/gold'],
            disks: everyKindOfDisk,
            guest: {
              family: 'windowsGuest',
              hostName: 'APP01',
              ipAddress: '192.0.2.11',
              toolsRunningStatus: 'guestToolsRunning',
            },
          }),
          vm(2, 'twin', { folder: ['north'], tags: ['Backup/silver', 'Owner/gold'] }),
          vm(3, 'twin', { folder: ['north', 'deep'], powerState: 'poweredOff', tags: ['Backup/gold'] }),
          vm(4, 'golden image', { template: true, powerState: 'poweredOff' }),
          vm(5, 'web/01 100%'),
          vm(6, 'far away', { connectionState: 'disconnected' }),
          ...Array.from({ length: extraVms }, (_, nth) =>
            vm(1000 + nth, `bulk ${nth}`, {
              folder: ['bulk'],
              disks: [0, 1, 2].map((unit) =>
                disk(unit, { kind: 'vmfs', datastore: 'bulk', fileName: `[bulk] ${nth}/${unit}.vmdk` }),
              ),
            }),
          ),
        ],
      },
    ],
  };
}
