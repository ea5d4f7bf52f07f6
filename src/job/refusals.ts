import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import { nameOfDisk, type VmDisk } from './identity.ts';

/** Why a VM cannot be captured as a whole, whatever its disks are; none when it can. */
export function vmRefusals(vm: VmRecord): readonly SnaphookError[] {
  const refuse = (why: string) =>
    new SnaphookError('E_DISK_UNSUPPORTED', `VM "${vm.name}" cannot be captured: ${why}`, {
      hint: 'Take the VM out of the job, or correct its state in vCenter.',
    });
  return [
    ...(vm.template ? [refuse('it is a template')] : []),
    ...(vm.connected ? [] : [refuse('its host is not connected to vCenter')]),
    ...(vm.disks.length === 0 ? [refuse('it has no disk')] : []),
  ];
}

/** Why no device can be looked for; undefined when one can. */
export function diskRefusal(owner: VmDisk): SnaphookError | undefined {
  const { backing } = owner.disk;
  switch (backing.kind) {
    case 'unsupported':
      return new SnaphookError('E_DISK_UNSUPPORTED', `${nameOfDisk(owner)} cannot be captured: ${backing.reason}`, {
        hint: 'Move the disk to storage of a configured array, or leave the VM to another backup method.',
      });
    case 'ambiguous':
      return new SnaphookError(
        'E_DEVICE_AMBIGUOUS',
        `${nameOfDisk(owner)} may be ${backing.candidates.join(' or ')}: ${backing.reason}`,
        { hint: 'Rescan the storage of the ESXi host and compare the mapping with the list of its devices.' },
      );
    default:
      return undefined;
  }
}
