import type { VmInventory } from '../inventory.ts';

/**
 * Where the .vmx lies when the inventory does not say: beside the first disk; on a vVol datastore in the directory
 * named after the config vVol, which is not the VM's name.
 */
export function homePath(spec: VmInventory): string {
  if (spec.vmPathName !== undefined) return spec.vmPathName;
  const backing = spec.disks.find((disk) => 'datastore' in disk.backing)?.backing;
  const datastore = backing && 'datastore' in backing ? backing.datastore : 'datastore1';
  const directory = spec.vmStorageObjectId ?? spec.name;
  return `[${datastore}] ${directory}/${spec.name}.vmx`;
}

/** `[datastore] directory` of a VM's home. */
export function homeDirectory(spec: VmInventory): string {
  return homePath(spec).replace(/\/[^/]*$/, '');
}
