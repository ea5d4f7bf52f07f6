import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import type { JobSpec } from './job-spec.ts';
import type { PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { guestOf } from './vms.ts';

type FreezeWish = Pick<JobSpec, 'freeze' | 'grade' | 'onLowerGrade' | 'files' | 'keep' | 'clone' | 'revert'>;

/**
 * How the guest is frozen. Errors: `E_CONFIG` when the guest has no settings, or others than the job asks for, or such as can never lead to
 * the grade it asks for.
 */
export function strategyOf({ guests }: Pick<JobPorts, 'guests'>, vm: VmRecord, spec: FreezeWish): PlannedVm['freeze'] {
  const { freeze } = spec;
  if (freeze === 'none' || !vm.poweredOn) return 'none';
  if (freeze === 'vmware-tools') return freeze;
  const guest = guestOf(vm);
  const strategy = guests.strategyFor(guest);
  if (strategy === undefined) {
    throw new SnaphookError('E_CONFIG', `guest "${vm.name}" cannot be frozen: there are no settings for it`, {
      hint:
        guest.address === undefined
          ? 'vCenter knows no address of the guest: start VMware Tools in it, or give `address` under `guests:`; `guestOperations` needs none.'
          : 'Add it under `guests:` with `winrm`, `ssh` or `guestOperations`, or set `freeze: none` for the job.',
    });
  }
  if (freeze !== 'auto' && freeze !== strategy) {
    throw new SnaphookError(
      'E_CONFIG',
      `guest "${vm.name}" is set up for "${strategy}", and the job asks for "${freeze}"`,
      {
        hint: 'Set `freeze: auto` for the job, or correct the settings of the guest under `guests:`.',
      },
    );
  }
  if (strategy === 'vss-diskshadow') requireReader(vm, spec);
  return strategy;
}

/** What stood still is in shadow copies inside the volumes: who reads these themselves gets what the guest wrote meanwhile. */
function requireReader({ name }: VmRecord, { files, keep, clone, revert, grade, onLowerGrade }: FreezeWish): void {
  const readsShadowCopies = files !== undefined && !keep && !clone && !revert;
  if (readsShadowCopies || grade === 'crash' || onLowerGrade === 'degrade') return;
  throw new SnaphookError(
    'E_CONFIG',
    `guest "${name}" is frozen by "vss-diskshadow", which images of its disks show as "crash" and not as "${grade}"`,
    {
      hint:
        'Hand over files (`handOver: files`): they are read out of the shadow copies. Or take the lower grade with ' +
        '`onLowerGrade: degrade`, or set `strategy: vss-provider` for the guest.',
    },
  );
}
