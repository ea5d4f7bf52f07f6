import { ARRAY_ID, arrayConfig } from '../../src/lab/estate-array.ts';
import { dashedDiskUuid, deviceName, diskUuid, uuid, vvolWwn } from '../../src/lab/estate-identity.ts';
import { ACCOUNTS } from '../../src/lab/site-config.ts';
import type { InitialArrayConfig } from '../../src/lab/unisphere/array-config.ts';
import type { VcenterInventory, VmInventory } from '../../src/lab/vcenter/inventory.ts';

const MIB = 1024 * 1024;
const CYLINDER_BYTES = 15 * 128 * 1024;
const ESX = 'esx01.lab';
const FIRST_SOURCE = 0x01000;
const FIRST_TARGET = 0x40001;
export const CYLINDERS = 2;
export const CAPACITY_BYTES = Math.floor((CYLINDERS * CYLINDER_BYTES) / MIB) * MIB;

export interface BenchDisk {
  readonly device: string;
  /** Serial the guest sees. */
  readonly uuid: string;
}

export interface BenchVm {
  readonly name: string;
  readonly instanceUuid: string;
  readonly isWindows: boolean;
  readonly disks: readonly BenchDisk[];
}

export interface BenchEstate {
  readonly vms: readonly BenchVm[];
  readonly devices: readonly string[];
  readonly array: InitialArrayConfig;
  readonly vcenter: VcenterInventory;
}

export const vmName = (index: number): string => `vm-${String(index).padStart(4, '0')}`;

/** Any number of VMs whose disks are virtual volumes of their own, and a target of the same size for each disk. */
export function benchEstate(
  vmCount: number,
  disksPerVm: number,
  isWindows: (index: number) => boolean = () => false,
): BenchEstate {
  const vms = Array.from({ length: vmCount }, (_, vm) => ({
    name: vmName(vm),
    instanceUuid: uuid(`bench-${vm}`),
    isWindows: isWindows(vm),
    disks: Array.from({ length: disksPerVm }, (_disk, disk) => ({
      device: deviceName(FIRST_SOURCE + vm * disksPerVm + disk),
      uuid: diskUuid(`bench-${vm}-${disk}`),
    })),
  }));
  const sources = vms.flatMap(({ disks }) => disks.map(({ device }) => device));
  const targets = sources.map((_, index) => deviceName(FIRST_TARGET + index));
  const [endpoint, resident] = ['00700', '00701'];
  return {
    vms,
    devices: [...sources, ...targets, endpoint, resident],
    array: arrayConfig({
      vvolSources: sources,
      luns: [],
      targets,
      unmaskedTargets: [],
      twin: endpoint,
      twinOther: resident,
      names: {},
    }),
    vcenter: inventory(vms),
  };
}

function inventory(vms: BenchEstate['vms']): VcenterInventory {
  return {
    instanceUuid: uuid('bench-vcenter'),
    datacenters: [
      {
        name: 'DC1',
        clusters: [{ name: 'cluster1', hosts: [{ name: ESX, uuid: uuid('bench-esx'), scsiLuns: [] }] }],
        datastores: [
          {
            name: 'vvol-ds01',
            type: 'VVOL',
            capacityBytes: 100 * 1024 * 1024 * MIB,
            containerId: 'vvol:600009700bcbb711-39ff01780000050a',
            storageArrays: [{ name: ARRAY_ID, uuid: `com.emc:${ARRAY_ID}`, vendorId: 'EMC', modelId: 'PowerMax_2000' }],
          },
        ],
        vms: vms.map(vmInventory),
      },
    ],
  };
}

const vmInventory = ({ name, instanceUuid, isWindows, disks }: BenchVm): VmInventory => ({
  name,
  folder: ['bench'],
  host: ESX,
  instanceUuid,
  biosUuid: uuid(`bios-${name}`),
  powerState: 'poweredOn',
  diskUuidEnabled: true,
  guest: {
    family: isWindows ? 'windowsGuest' : 'linuxGuest',
    hostName: `${name}.lab`,
    ipAddress: '127.0.0.1',
    toolsRunningStatus: 'guestToolsRunning',
  },
  disks: disks.map((disk, index) => ({
    key: 2000 + index,
    label: `Hard disk ${index + 1}`,
    controllerKey: 1000,
    unitNumber: index,
    capacityBytes: CAPACITY_BYTES,
    uuid: dashedDiskUuid(disk.uuid),
    backing: {
      kind: 'vvol',
      datastore: 'vvol-ds01',
      backingObjectId: `naa.${vvolWwn(disk.device)}`,
      fileName: `[vvol-ds01] naa.${vvolWwn('00f01')}/${name}_${index}.vmdk`,
    },
  })),
});

/** The account of every guest of the bench. */
export const GUEST_ACCOUNT = { ...ACCOUNTS.linuxGuest, sudo: true };
