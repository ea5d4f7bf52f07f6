import { CYLINDER_BYTES } from './devices/store-contract.ts';
import { ARRAY_ID } from './estate-array.ts';
import { uuid, vvolWwn, wwnOf } from './estate-identity.ts';
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

export const vmfsDisk = (name: string): DiskInventory => ({
  ...diskBase(2),
  backing: { kind: 'vmfs', datastore: 'vmfs-ds01', fileName: `[vmfs-ds01] ${name}/${name}.vmdk` },
});

export const vvolBacking = (wwn: string, name: string, index: number): DiskInventory['backing'] => ({
  kind: 'vvol',
  datastore: 'vvol-ds01',
  backingObjectId: `naa.${wwn}`,
  fileName: `[vvol-ds01] naa.${vvolWwn('00f01')}/${name}${index === 0 ? '' : `_${index}`}.vmdk`,
});

/** `vml.` names: 02 (NAA), 00 (disk), LUN low byte first, 00, the NAA id, and the first bytes of the model "SYMMETRIX". */
export function rdmBacking(device: string, lun: number): DiskInventory['backing'] {
  const lunUuid = `0200${lun.toString(16).padStart(2, '0')}0000${wwnOf(ARRAY_ID, device)}53594d4d4554`;
  return {
    kind: 'rdm',
    datastore: 'vmfs-ds01',
    fileName: `[vmfs-ds01] rdm/${device}.vmdk`,
    lunUuid,
    deviceName: `vml.${lunUuid}`,
    compatibilityMode: 'physicalMode',
  };
}
