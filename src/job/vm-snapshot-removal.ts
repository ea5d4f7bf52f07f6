import { SnaphookError } from '../ports/errors.ts';
import type { MoRef } from '../ports/identity.ts';
import type { VmSnapshot, VmSnapshots } from '../ports/vm-snapshots.ts';

/** Disks of the snapshot that the proxy VM still has are detached first: removed before, its data could not be merged. */
export async function removeVmSnapshot(
  vcenter: VmSnapshots,
  snapshot: VmSnapshot,
  proxyVm: MoRef | undefined,
  signal: AbortSignal,
): Promise<void> {
  const files = (await vcenter.disksOf(snapshot.moRef, signal)).map(({ fileName }) => fileName);
  if (proxyVm !== undefined && files.length > 0) await vcenter.detach({ proxyVm, files }, signal);
  await vcenter.remove(snapshot, signal);
}

/** Merges what removed snapshots left, once; when that is not possible somebody else has a file of the VM open. */
export async function mergeLeftData(
  vcenter: VmSnapshots,
  vm: { readonly name: string; readonly moRef: MoRef },
  signal: AbortSignal,
): Promise<void> {
  if (!(await vcenter.consolidationNeeded(vm.moRef, signal))) return;
  await vcenter.consolidate(vm.moRef, signal).catch((error: unknown) => {
    throw notMerged(vm.name, error);
  });
  if (await vcenter.consolidationNeeded(vm.moRef, signal)) throw notMerged(vm.name, undefined);
}

const notMerged = (vm: string, cause: unknown) =>
  new SnaphookError(
    'E_LEFTOVERS',
    `the snapshot of VM "${vm}" is removed, but its data are not merged: the disks need consolidation`,
    {
      cause,
      hint: 'See which VM still has its disks open (another backup proxy?), detach them there without deleting files, then run `snaphook reap --apply` or consolidate the VM in vCenter.',
    },
  );
