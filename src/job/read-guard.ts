import { SnaphookError } from '../ports/errors.ts';
import type { SnapshotDisk, VmSnapshots } from '../ports/vm-snapshots.ts';
import type { PlannedVm } from './plan.ts';
import type { Run } from './step.ts';
import { managedCaptureResultOf } from './step-results.ts';
import { filesOf, managedOf } from './steps/hot-add.ts';
import { inVcenter } from './vcenter-session.ts';

/** Storage vMotion, as vCenter calls its tasks. Plain vMotion (`migrate`) leaves the disks where they are. */
const RELOCATION = /relocate|storage ?vmotion/i;

/**
 * Asked when the last byte was read: are the VM snapshots still there, their disks where they were and still attached, and no VM on the
 * move? Errors: `E_VM_CHANGED`, `E_PROXY_DEVICE` for a disk that was detached.
 */
export async function lookAfterReading(run: Run, signal: AbortSignal): Promise<void> {
  const { proxyVm } = managedOf(run.plan);
  await inVcenter(run, signal, async (vcenter) => {
    for (const vm of run.plan.vms) await lookAtVm(run, vcenter, vm, signal);
    const { disks } = await vcenter.proxyVm(proxyVm.moRef, signal);
    const missing = filesOf(run).find((file) => !disks.some(({ fileName }) => fileName === file));
    if (missing === undefined) return;
    throw new SnaphookError(
      'E_PROXY_DEVICE',
      `disk "${missing}" is not attached to proxy VM "${proxyVm.name}" any more`,
      {
        hint: 'Somebody detached it while it was read. See the tasks of the proxy VM in vCenter, then run the job again.',
      },
    );
  });
}

async function lookAtVm(
  { plan, journal }: Run,
  vcenter: VmSnapshots,
  { moRef: vm, name, instanceUuid }: PlannedVm,
  signal: AbortSignal,
): Promise<void> {
  const taken = managedCaptureResultOf(journal.state)?.snapshots.find((one) => one.vm === instanceUuid);
  const found = await vcenter.find({ vm, name: plan.snapshotName }, signal);
  if (!taken || !found.some(({ moRef }) => moRef === taken.moRef)) {
    throw changed(name, `it does not have snapshot "${plan.snapshotName}" any more`);
  }
  const task = (await vcenter.tasksOf(vm, signal)).find(({ atWork, kind }) => atWork && RELOCATION.test(kind));
  if (task) throw changed(name, `vCenter moves its disks ("${task.kind}", ${task.id})`);
  const now = await vcenter.disksOf(taken.moRef, signal);
  const moved = taken.disks.find((disk) => !now.some((one) => isSame(one, disk)));
  if (moved) throw changed(name, `disk "${moved.fileName}" of its snapshot is not where it was`);
}

const isSame = (a: SnapshotDisk, b: SnapshotDisk): boolean =>
  a.key === b.key && a.fileName === b.fileName && a.capacityBytes === b.capacityBytes && a.diskUuid === b.diskUuid;

const changed = (vm: string, what: string): SnaphookError =>
  new SnaphookError('E_VM_CHANGED', `VM "${vm}" was changed while its disks were read: ${what}`, {
    hint: 'See the tasks of the VM in vCenter, then run the job again: it is captured anew.',
    retry: 'safe',
  });
