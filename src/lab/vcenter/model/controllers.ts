import type { ControllerInventory, DiskInventory, VmInventory } from '../inventory.ts';

/** The SCSI controller's own place on its bus. */
export const SCSI_CONTROLLER_UNIT = 7;
const FIRST_HARDWARE_OF_64_UNITS = 14;

/** Every controller a disk hangs on and every one that is named, but for the two IDE channels every VM has. */
export function diskControllers(spec: VmInventory, disks: readonly DiskInventory[]): readonly ControllerInventory[] {
  const named = spec.controllers ?? [];
  const keys = new Set([...named.map((controller) => controller.key), ...disks.map((disk) => disk.controllerKey)]);
  return [...keys]
    .filter((key) => key !== 200 && key !== 201)
    .sort((a, b) => a - b)
    .map((key) => named.find((controller) => controller.key === key) ?? { key, type: defaultControllerType(key) });
}

function defaultControllerType(key: number): ControllerInventory['type'] {
  if (key >= 31000) return 'VirtualNVMEController';
  return key >= 15000 ? 'VirtualAHCIController' : 'ParaVirtualSCSIController';
}

export const isScsi = ({ type }: ControllerInventory): boolean =>
  type !== 'VirtualAHCIController' && type !== 'VirtualNVMEController';

/** Unit numbers of a SCSI controller: 0 to 15, or to 63 with paravirtual SCSI since virtual hardware 14; 7 is its own. */
export function unitsOf({ type }: ControllerInventory, hardware: string | undefined): readonly number[] {
  const version = Number((hardware ?? 'vmx-19').replace('vmx-', ''));
  const count = type === 'ParaVirtualSCSIController' && version >= FIRST_HARDWARE_OF_64_UNITS ? 64 : 16;
  return Array.from({ length: count }, (_, unit) => unit).filter((unit) => unit !== SCSI_CONTROLLER_UNIT);
}
