import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import { requireUnchanged } from './layout.ts';
import type { PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';

/**
 * The VMs as vCenter shows them, if nothing uses their disks and these lie where they were when they were captured: only then may
 * their devices be written to. Errors: `E_VM_NOT_FOUND`, `E_REVERT_IN_USE`, `E_REVERT`, `E_VM_BUSY`, `E_VM_CHANGED`.
 */
export async function requireStandstill(
  { hypervisor }: Pick<JobPorts, 'hypervisor'>,
  vms: readonly Pick<PlannedVm, 'name' | 'instanceUuid' | 'layout'>[],
  signal: AbortSignal,
): Promise<readonly VmRecord[]> {
  const selectors = vms.map(({ instanceUuid }) => ({ by: 'instanceUuid' as const, uuid: instanceUuid }));
  const found = await hypervisor.findVms(selectors, signal);
  return vms.map((vm, index) => {
    const [now, ...others] = found[index] ?? [];
    if (!now || others.length > 0) {
      throw new SnaphookError(
        'E_VM_NOT_FOUND',
        `vCenter shows ${others.length + (now ? 1 : 0)} VMs "${vm.instanceUuid}" ("${vm.name}")`,
        { hint: 'The VM that was captured is needed, with its disks. Its instance uuid tells it.' },
      );
    }
    requireOff(now);
    requireNoChain(now);
    requireUnchanged(vm, now);
    return now;
  });
}

function requireOff({ name, poweredOn, connected, condition }: VmRecord): void {
  const why = poweredOn
    ? 'is powered on'
    : condition.suspended
      ? 'is suspended, and would wake up to other disks'
      : connected
        ? undefined
        : 'is on a host that vCenter does not reach: whether it runs there is not known';
  if (why !== undefined) {
    throw new SnaphookError('E_REVERT_IN_USE', `VM "${name}" ${why}`, {
      hint: 'Shut it down in vCenter; its disks are written to while nothing else uses them.',
    });
  }
  const task = condition.tasks.find(({ atWork }) => atWork);
  if (!task) return;
  throw new SnaphookError('E_VM_BUSY', `vCenter is at work on VM "${name}": "${task.kind}" (${task.id})`, {
    hint: 'Wait for the end of the task.',
    retry: 'safe',
  });
}

function requireNoChain(now: VmRecord): void {
  if (now.condition.snapshots.length === 0 && !now.disks.some(({ onSnapshot }) => onSnapshot)) return;
  throw new SnaphookError('E_REVERT', `VM "${now.name}" has VM snapshots, which would not fit its disks any more`, {
    hint: 'Remove its VM snapshots in vCenter, and consolidate its disks.',
  });
}
