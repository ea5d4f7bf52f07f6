import { CYLINDER_BYTES } from './devices/store-contract.ts';
import { uuid, vvolWwn } from './estate-identity.ts';
import {
  DATASTORE,
  INHERITED,
  MIXED,
  MIXED_VVOL_ID,
  MOBILE,
  MORE_SIZES,
  SECOND_DATASTORE,
  seenWwn,
} from './estate-storage.ts';
import type { DiskInventory, VmInventory } from './vcenter/inventory.ts';

const MIB = 1024 * 1024;
export const ESX = 'esx01.lab';

/** A virtual disk is a little smaller than its device: the array rounds up to whole cylinders. */
export const capacityBytes = (cylinders: number): number => Math.floor((cylinders * CYLINDER_BYTES) / MIB) * MIB;

export function vm(name: string, folder: readonly string[], disks: readonly DiskInventory[]): VmInventory {
  return {
    name,
    folder,
    host: ESX,
    instanceUuid: uuid(`instance-${name}`),
    biosUuid: uuid(`bios-${folder.join('/')}-${name}`),
    powerState: 'poweredOn',
    disks,
    diskUuidEnabled: true,
  };
}

export const diskBase = (cylinders: number) => ({
  key: 2000,
  label: 'Hard disk 1',
  controllerKey: 1000,
  unitNumber: 0,
  capacityBytes: capacityBytes(cylinders),
});

export const vmfsDisk = (name: string, datastore = DATASTORE.name): DiskInventory => ({
  ...diskBase(2),
  backing: { kind: 'vmfs', datastore, fileName: `[${datastore}] ${name}/${name}.vmdk` },
});

export const vvolBacking = (wwn: string, name: string, index: number): DiskInventory['backing'] => ({
  kind: 'vvol',
  datastore: 'vvol-ds01',
  backingObjectId: `naa.${wwn}`,
  fileName: `[vvol-ds01] naa.${vvolWwn('00f01')}/${name}${index === 0 ? '' : `_${index}`}.vmdk`,
});

/** `vml.` names: 02 (NAA), 00 (disk), LUN low byte first, 00, the NAA id, and the first bytes of the model "SYMMETRIX". */
export function rdmBacking(device: string, lun: number): DiskInventory['backing'] {
  const lunUuid = `0200${lun.toString(16).padStart(2, '0')}0000${seenWwn(device)}53594d4d4554`;
  return {
    kind: 'rdm',
    datastore: 'vmfs-ds01',
    fileName: `[vmfs-ds01] rdm/${device}.vmdk`,
    lunUuid,
    deviceName: `vml.${lunUuid}`,
    compatibilityMode: 'physicalMode',
  };
}

/** VMs of one disk each: on the first datastore, and with everything that must be refused. `lunOf`: as the host sees a device. */
export function plainVms(
  { twin, lonely, oversized }: { readonly twin: string; readonly lonely: string; readonly oversized: string },
  lunOf: (device: string) => number,
): readonly VmInventory[] {
  return [
    vm('web01', ['prod'], [vmfsDisk('web01')]),
    vm('app02', ['prod'], [vmfsDisk('app02')]),
    { ...vm('dup', ['prod'], [vmfsDisk('dup')]), instanceUuid: uuid('dup-prod') },
    { ...vm('dup', ['test'], [vmfsDisk('dup-test')]), instanceUuid: uuid('dup-test') },
    { ...vm('template01', ['test'], [vmfsDisk('template01')]), template: true, powerState: 'poweredOff' },
    vm(
      'nfs01',
      ['test'],
      [
        {
          ...diskBase(8),
          backing: { kind: 'nfs', datastore: 'nfs-ds01', fileName: '[nfs-ds01] nfs01/nfs01.vmdk' },
        },
      ],
    ),
    vm('lost01', ['test'], [{ ...diskBase(8), backing: vvolBacking(vvolWwn('00fff'), 'lost01', 0) }]),
    vm('twin01', ['test'], [{ ...diskBase(8), backing: vvolBacking(vvolWwn(twin), 'twin01', 0) }]),
    vm('lonely01', ['test'], [{ ...diskBase(8), backing: rdmBacking(lonely, lunOf(lonely)) }]),
    vm('oversized01', ['test'], [{ ...diskBase(999), backing: rdmBacking(oversized, lunOf(oversized)) }]),
  ];
}

/** VMs whose devices have names that do not tell the device, and one with a disk of each kind. `lunOf`: as the host sees a device. */
export function storageVms(lunOf: (device: string) => number): readonly VmInventory[] {
  const numbered = (disks: readonly DiskInventory[]): readonly DiskInventory[] =>
    disks.map((disk, index) => ({ ...disk, key: 2000 + index, label: `Hard disk ${index + 1}`, unitNumber: index }));
  const raw = (device: string, cylinders: number): DiskInventory => ({
    ...diskBase(cylinders),
    diskMode: 'independent_persistent',
    backing: rdmBacking(device, lunOf(device)),
  });
  return [
    vm('mobile01', ['test'], numbered([MOBILE, INHERITED].map(({ device }) => raw(device, MORE_SIZES.mobile)))),
    {
      ...vm(
        'mixed01',
        ['test'],
        numbered([
          { ...diskBase(MORE_SIZES.mixed), backing: vvolBacking(MIXED_VVOL_ID, 'mixed01', 0) },
          vmfsDisk('mixed01', SECOND_DATASTORE.name),
          raw(MIXED.raw, MORE_SIZES.mixed),
        ]),
      ),
      powerState: 'poweredOff',
    },
    // One good disk beside two that nothing can capture: a second device claims the vVol's identity, and a file is on NFS.
    vm(
      'partly01',
      ['test'],
      numbered([
        raw(MOBILE.device, MORE_SIZES.mobile),
        { ...diskBase(8), backing: vvolBacking(vvolWwn('00302'), 'partly01', 1) },
        { ...diskBase(8), backing: { kind: 'nfs', datastore: 'nfs-ds01', fileName: '[nfs-ds01] partly01/data.vmdk' } },
      ]),
    ),
  ];
}
