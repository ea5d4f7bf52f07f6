import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import { nameOfDisk, type VmDisk } from './identity.ts';
import type { JobSpec } from './job-spec.ts';
import { mayHoldWritesBack } from './vm-notes.ts';

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

/** Why a disk cannot be captured, whatever the arrays say; undefined when it can. */
export function diskRefusal(owner: VmDisk, hostCaches: JobSpec['hostCaches']): SnaphookError | undefined {
  const { backing, condition } = owner.disk;
  const name = nameOfDisk(owner);
  if (backing.kind === 'unsupported') {
    return new SnaphookError('E_DISK_UNSUPPORTED', `${name} cannot be captured: ${backing.reason}`, {
      hint: 'Move the disk to storage of a configured array, or leave the VM to another backup method.',
    });
  }
  if (backing.kind === 'ambiguous') {
    return new SnaphookError(
      'E_DEVICE_AMBIGUOUS',
      `${name} may be ${backing.candidates.join(' or ')}: ${backing.reason}`,
      { hint: 'Rescan the storage of the ESXi host and compare the mapping with the list of its devices.' },
    );
  }
  if (hostCaches === 'warn' || !mayHoldWritesBack(owner.disk)) return undefined;
  const [filter] = condition.filters;
  const what = filter === undefined ? 'a write-back cache on the ESXi host' : `IO filter "${filter}"`;
  return new SnaphookError('E_DISK_UNSUPPORTED', `${name} cannot be captured: its writes pass ${what}`, {
    hint: 'What such a filter or cache holds is not on the array yet. Where you know that it holds nothing back, set `hostCaches: warn` for the job; the grade is then "crash" at best.',
  });
}

/** What can be told of a VM before any array is asked. Errors: `E_DISK_UNSUPPORTED`, `E_DEVICE_AMBIGUOUS`, `E_GRADE`. */
export function checkVm(vm: VmRecord, spec: JobSpec, warnings: string[]): void {
  const [refusal] = vmRefusals(vm);
  if (refusal) throw refusal;
  checkReachableGrade(vm, spec, warnings);
  for (const disk of vm.disks) {
    const refused = diskRefusal({ vm, disk }, spec.hostCaches);
    if (refused) throw refused;
  }
}

/** A grade that cannot be reached is refused now, not after a freeze. */
function checkReachableGrade(vm: VmRecord, spec: JobSpec, warnings: string[]): void {
  const frozen = spec.freeze !== 'none' && vm.poweredOn;
  if (frozen && spec.freeze === 'vmware-tools') checkToolsGrade(vm, spec, warnings);
  if (frozen || spec.grade === 'crash') return;
  const why = vm.poweredOn
    ? 'the job does not freeze guests'
    : `VM "${vm.name}" is powered off, so that no guest can be frozen`;
  if (spec.onLowerGrade === 'degrade') {
    warnings.push(`${why}: the grade is "crash" at best`);
    return;
  }
  throw new SnaphookError('E_GRADE', `VM "${vm.name}" cannot reach grade "${spec.grade}": ${why}`, {
    hint: 'Set `grade: crash` or `onLowerGrade: degrade` for the job, or take the VM out of it.',
  });
}

function checkToolsGrade(vm: VmRecord, spec: JobSpec, warnings: string[]): void {
  if (spec.grade !== 'application') return;
  const why = 'VMware Tools quiesce the guest, and no application speaks for itself';
  if (spec.onLowerGrade === 'fail') {
    throw new SnaphookError('E_GRADE', `VM "${vm.name}" cannot reach grade "application": ${why}`, {
      hint: 'Set `grade: filesystem` or `onLowerGrade: degrade`, or let the job freeze the guest itself.',
    });
  }
  warnings.push(`${why}: the grade is "filesystem" at best`);
}
