import { SnaphookError } from '../ports/errors.ts';
import type { VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type { JobSpec } from './job-spec.ts';
import { mayHoldWritesBack } from './vm-notes.ts';

/** What can be told of a VM before any array is asked. Errors: `E_DISK_UNSUPPORTED`, `E_GRADE`. */
export function checkVm(vm: VmRecord, spec: JobSpec, warnings: string[]): void {
  if (vm.template) throw refuse(vm.name, 'it is a template');
  if (!vm.connected) throw refuse(vm.name, 'its host is not connected to vCenter');
  if (vm.disks.length === 0) throw refuse(vm.name, 'it has no disk');
  checkReachableGrade(vm, spec, warnings);
  for (const disk of vm.disks) checkDisk(vm, disk, spec);
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

function checkDisk(vm: VmRecord, disk: VirtualDisk, spec: JobSpec): void {
  const name = `disk "${disk.label}" of VM "${vm.name}"`;
  if (disk.backing.kind === 'unsupported') {
    throw new SnaphookError('E_DISK_UNSUPPORTED', `${name} cannot be captured: ${disk.backing.reason}`, {
      hint: 'Move the disk to storage of a configured array, or leave the VM to another backup method.',
    });
  }
  if (spec.hostCaches === 'warn' || !mayHoldWritesBack(disk)) return;
  const [filter] = disk.condition.filters;
  const what = filter === undefined ? 'a write-back cache on the ESXi host' : `IO filter "${filter}"`;
  throw new SnaphookError('E_DISK_UNSUPPORTED', `${name} cannot be captured: its writes pass ${what}`, {
    hint: 'What such a filter or cache holds is not on the array yet. Where you know that it holds nothing back, set `hostCaches: warn` for the job; the grade is then "crash" at best.',
  });
}

const refuse = (vm: string, why: string) =>
  new SnaphookError('E_DISK_UNSUPPORTED', `VM "${vm}" cannot be captured: ${why}`, {
    hint: 'Take the VM out of the job, or correct its state in vCenter.',
  });
