import type { DiskInventory, VcenterInventory, VmInventory } from '../../../src/lab/vcenter/inventory.ts';

const GIB = 1024 ** 3;

export const NAA_A = `naa.60000970000197900123${'533030303031'}`;
export const NAA_B = `naa.60000970000197900123${'533030303032'}`;
export const NAA_RDM = `naa.60000970000197900123${'533030303041'}`;
const NAA_PE = `naa.60000970000197900123${'533030304646'}`;
export const CONTAINER_ID = 'vvol:0123456789abcdef-fedcba9876543210';

const GUEST = {
  family: 'windowsGuest',
  fullName: 'Microsoft Windows Server 2019 (64-bit)',
  hostName: 'sql01.example.org',
  ipAddress: '192.0.2.11',
  toolsRunningStatus: 'guestToolsRunning',
} as const;

function vmfsDisk(vm: string, number: number, datastore: string): DiskInventory {
  return {
    key: 2000 + number,
    label: `Hard disk ${number + 1}`,
    controllerKey: 1000,
    unitNumber: number,
    capacityBytes: 40 * GIB,
    backing: {
      kind: 'vmfs',
      datastore,
      fileName: `[${datastore}] ${vm}/${vm}${number === 0 ? '' : `_${number}`}.vmdk`,
    },
  };
}

/** uuids that only differ in their last digits. */
export const uuid = (kind: string, number: number) =>
  `50${kind}0000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;

export function plainVm(name: string, number: number, more: Partial<VmInventory> = {}): VmInventory {
  return {
    name,
    host: 'esx1.example.org',
    instanceUuid: uuid('aa', number),
    biosUuid: uuid('bb', number),
    powerState: 'poweredOn',
    disks: [vmfsDisk(name, 0, 'VMFS-1')],
    ...more,
  };
}

const sql01: VmInventory = plainVm('sql01', 1, {
  folder: ['Prod', 'Databases'],
  guest: GUEST,
  vmStorageObjectId: 'naa.600009700bbf7e5300001000000000c1',
  disks: [0, 1].map((number) => ({
    key: 2000 + number,
    label: `Hard disk ${number + 1}`,
    controllerKey: 1000,
    unitNumber: number,
    capacityBytes: 60 * GIB,
    backing: {
      kind: 'vvol' as const,
      datastore: 'VVOL-1',
      backingObjectId: `naa.600009700bbf7e5300001000000000d${number}`,
      fileName: `[VVOL-1] naa.600009700bbf7e5300001000000000c1/sql01_${number}.vmdk`,
    },
  })),
});

const rdm01: VmInventory = plainVm('rdm01', 2, {
  host: 'esx2.example.org',
  disks: [
    vmfsDisk('rdm01', 0, 'VMFS-1'),
    {
      key: 2001,
      label: 'Hard disk 2',
      controllerKey: 1001,
      unitNumber: 0,
      capacityBytes: 100 * GIB,
      backing: {
        kind: 'rdm',
        datastore: 'VMFS-1',
        fileName: '[VMFS-1] rdm01/rdm01_1.vmdk',
        lunUuid: `0200050000${NAA_RDM.slice(4)}53594d4d4554`,
        deviceName: `vml.0200050000${NAA_RDM.slice(4)}53594d4d4554`,
        compatibilityMode: 'physicalMode',
      },
    },
  ],
});

const chained: VmInventory = plainVm('chained', 3, {
  powerState: 'poweredOff',
  customValues: { 'Last backup': 'never' },
  snapshots: [{ name: 'before update', quiesced: true, current: true }],
  disks: [
    {
      key: 2000,
      label: 'Hard disk 1',
      controllerKey: 1000,
      unitNumber: 0,
      capacityBytes: 20 * GIB,
      backing: {
        kind: 'vmfs',
        datastore: 'VMFS-1',
        fileName: '[VMFS-1] chained/chained-000001.vmdk',
        parent: { kind: 'vmfs', datastore: 'VMFS-1', fileName: '[VMFS-1] chained/chained.vmdk' },
      },
    },
  ],
});

/** Two datacenters; VMs on vVols, on VMFS over two extents, with an RDM, on a chain, twice the same name. */
export function sampleInventory(more: readonly VmInventory[] = []): VcenterInventory {
  return {
    instanceUuid: '5f0c1d2e-0000-4000-8000-00000000abcd',
    datacenters: [
      {
        name: 'DC1',
        vmFolders: [{ name: 'Empty' }],
        clusters: [
          {
            name: 'CL1',
            resourcePools: ['Gold'],
            hosts: [
              {
                name: 'esx1.example.org',
                uuid: '4c4c4544-0001-4000-8000-000000000001',
                hbas: [{ device: 'vmhba2', portWwn: '10000090fa534412', nodeWwn: '20000090fa534412' }],
                scsiLuns: [
                  { canonicalName: NAA_A, capacityBytes: 500 * GIB, lun: 1 },
                  { canonicalName: NAA_B, capacityBytes: 500 * GIB, lun: 2 },
                  { canonicalName: NAA_RDM, capacityBytes: 100 * GIB, lun: 5 },
                  { canonicalName: NAA_PE, capacityBytes: 0, lun: 256, protocolEndpoint: true },
                ],
              },
              { name: 'esx2.example.org', uuid: '4c4c4544-0002-4000-8000-000000000002', scsiLuns: [] },
            ],
          },
        ],
        datastores: [
          { name: 'VMFS-1', type: 'VMFS', extents: [NAA_A, NAA_B], capacityBytes: 1000 * GIB },
          {
            name: 'VVOL-1',
            type: 'VVOL',
            containerId: CONTAINER_ID,
            capacityBytes: 2000 * GIB,
            hosts: ['esx1.example.org'],
            storageArrays: [
              { name: '000197900123', uuid: 'com.emc:000197900123', vendorId: 'EMC', modelId: 'PowerMax_8000' },
            ],
          },
          {
            name: 'NFS-1',
            type: 'NFS',
            remoteHost: 'nas.example.org',
            remotePath: '/export/iso',
            capacityBytes: 100 * GIB,
          },
        ],
        vms: [sql01, rdm01, chained, plainVm('a/b%c\\d', 4), ...more],
      },
      {
        name: 'DC2',
        clusters: [
          {
            name: 'CL2',
            hosts: [{ name: 'esx3.example.org', uuid: '4c4c4544-0003-4000-8000-000000000003', scsiLuns: [] }],
          },
        ],
        datastores: [{ name: 'VMFS-1', type: 'VMFS', extents: [NAA_RDM], capacityBytes: 10 * GIB }],
        vms: [plainVm('sql01', 5, { host: 'esx3.example.org', biosUuid: uuid('bb', 1) })],
      },
    ],
  };
}

/** That many plain VMs beside the sample's own. */
export function manyVms(count: number): readonly VmInventory[] {
  return Array.from({ length: count }, (_, index) => plainVm(`many-${index}`, 1000 + index));
}
