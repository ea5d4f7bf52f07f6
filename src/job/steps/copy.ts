import { SnaphookError } from '../../ports/errors.ts';
import type { VmCopy, VmSnapshots } from '../../ports/vm-snapshots.ts';
import { notesOfClone } from '../lost-clones.ts';
import type { CopiedClonePlan, Plan, PlannedVm } from '../plan.ts';
import type { RegisterResult } from '../results.ts';
import type { Run, Step } from '../step.ts';
import { copyResultOf, managedCaptureResultOf } from '../step-results.ts';
import { inVcenter } from '../vcenter-session.ts';

/** Effect: a copy of the VM, as it was in its snapshot, is in the inventory, powered off and with a mark of the run. */
export const copyStep: Step<RegisterResult> = {
  name: 'copy',
  repeatable: true,
  settles: true,

  async do(run, signal) {
    const { clone, vm } = copyOf(run.plan);
    const snapshot = managedCaptureResultOf(run.journal.state)?.snapshots[0]?.moRef;
    if (!snapshot) throw new TypeError('a copy is made of a VM snapshot that was taken');
    const { host, pool, folder, name, datastore } = clone;
    const mark = run.plan.snapshotName;
    const notes = notesOfClone(run.plan.runId, vm.name);
    const where = { folder, pool, host: host.moRef, datastore: datastore.moRef };
    return inVcenter(run, signal, async (vcenter) => {
      await vcenter.copy({ vm: vm.moRef, snapshot, name, mark, notes, ...where }, signal);
      const made = await findCopy(run, vcenter, signal);
      if (made) return { vm: made.moRef, name: made.name };
      throw new SnaphookError('E_VCENTER', `vCenter shows no VM "${name}" that this run copied`, {
        hint: `The copying was told to be done. See the tasks of VM "${vm.name}" in vCenter.`,
        effect: 'unknown',
      });
    });
  },

  async probe(run, signal) {
    const { vm } = copyOf(run.plan);
    return inVcenter(run, signal, async (vcenter) => {
      await vcenter.whenIdle(vm.moRef, signal);
      const made = await findCopy(run, vcenter, signal);
      return made ? { found: 'done', result: { vm: made.moRef, name: made.name } } : { found: 'not-done' };
    });
  },

  async undo(run, signal) {
    const { vm } = copyOf(run.plan);
    await inVcenter(run, signal, async (vcenter) => {
      // The task of a process that died goes on.
      if (copyResultOf(run.journal.state) === undefined) await vcenter.whenIdle(vm.moRef, signal);
      const copy = await findCopy(run, vcenter, signal);
      if (!copy) return;
      refuseUsedCopy(copy);
      await vcenter.destroy(copy.moRef, signal);
    });
  },
};

/**
 * The run's own copy: the VM that it recorded, or, where it died before, the one of the planned name in the planned folder; in both
 * cases with its mark. Another's is told and left alone. Undefined: there is none.
 */
export async function findCopy(
  { plan, journal, ports }: Pick<Run, 'plan' | 'journal' | 'ports'>,
  vcenter: VmSnapshots,
  signal: AbortSignal,
): Promise<VmCopy | undefined> {
  const { folder, name } = copyOf(plan).clone;
  const recorded = copyResultOf(journal.state)?.vm;
  const found = await (recorded === undefined ? vcenter.vmIn({ folder, name }, signal) : vcenter.vm(recorded, signal));
  if (!found || found.mark === plan.snapshotName) return found;
  ports.reporter.warn('a VM does not have the mark of this run and is left alone', { vm: found.name, id: found.moRef });
  return undefined;
}

/** Its disks go with it, whatever its guest does and whosever they are. */
export function refuseUsedCopy({ name, poweredOff, strayFile }: VmCopy): void {
  if (strayFile !== undefined) {
    throw new SnaphookError('E_CLONE_IN_USE', `clone "${name}" has disk "${strayFile}", outside of its own folder`, {
      hint: 'vCenter would delete the file with the VM. Detach the disk in vCenter without deleting its files, then run `snaphook clone delete` again.',
    });
  }
  if (poweredOff) return;
  throw new SnaphookError('E_CLONE_IN_USE', `clone "${name}" is not powered off`, {
    hint: 'Shut it down in vCenter, then run `snaphook clone delete` again. To keep it, take its advanced setting `snaphook.clone` away.',
  });
}

function copyOf({ clone, vms }: Plan): { readonly clone: CopiedClonePlan; readonly vm: PlannedVm } {
  const [vm] = vms;
  if (clone?.by !== 'vcenter' || !vm) throw new TypeError('a step of copied clones in a plan of another kind');
  return { clone, vm };
}
