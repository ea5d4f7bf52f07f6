import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import type { JobSpec } from './job-spec.ts';
import type { PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { guestOf } from './vms.ts';

/** How the guest is frozen. Errors: `E_CONFIG` when the guest has no settings, or others than the job asks for. */
export function strategyOf(
  { guests }: Pick<JobPorts, 'guests'>,
  vm: VmRecord,
  { freeze }: Pick<JobSpec, 'freeze'>,
): PlannedVm['freeze'] {
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
  return strategy;
}
