import type { ReapedFinding } from './finding.ts';
import { proxyVmOf } from './lost-vm-snapshots.ts';
import { OWN_NAME_PREFIX } from './names.ts';
import type { Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';

/**
 * Disks of the proxy VM that are added as runs add them, and that neither an open run nor a VM snapshot of ours explains: the journal is
 * lost and somebody removed the VM snapshot, or somebody added them. Told, never touched.
 */
export async function addedDisks(
  ports: Pick<JobPorts, 'hypervisor' | 'vmSnapshots' | 'installation'>,
  open: readonly Plan[],
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const { vmSnapshots: vcenter } = ports;
  if (!vcenter) return [];
  const vm = await proxyVmOf(ports, signal);
  if (vm === undefined) return [];
  try {
    const inUse = new Set<string>(open.flatMap(({ managed }) => managed?.disks.map(({ diskUuid }) => diskUuid) ?? []));
    const { disks } = await vcenter.proxyVm(vm, signal);
    const added = disks.filter(({ isDiscarding, diskUuid }) => isDiscarding && !inUse.has(diskUuid ?? ''));
    if (added.length === 0) return [];
    const snapshots = await vcenter.list({ namePrefix: OWN_NAME_PREFIX }, signal);
    const held = await Promise.all(snapshots.map(({ moRef }) => vcenter.disksOf(moRef, signal)));
    const told = new Set(held.flat().map(({ fileName }) => fileName));
    const files = added.map(({ fileName }) => fileName).filter((file) => !told.has(file));
    if (files.length === 0) return [];
    return [
      {
        finding: { kind: 'added-disks', vm, files },
        did: 'kept',
        because:
          'no open run has them, and no VM snapshot of ours holds them; whether a run added them or somebody did is not known',
      },
    ];
  } finally {
    await vcenter.close();
  }
}
