import { SnaphookError } from '../ports/errors.ts';
import type { MoRef, RunId } from '../ports/identity.ts';
import type { VmSnapshot, VmSnapshots } from '../ports/vm-snapshots.ts';
import { withinLimit } from './deadline.ts';
import type { Judged } from './finding.ts';
import { longestMs } from './installation.ts';
import { OWN_NAME_PREFIX, parseSnapshotName } from './names.ts';
import { isYoung, runByMark, whyNotOfItsTime } from './ownership.ts';
import type { JobPorts } from './ports.ts';
import type { Run } from './step.ts';
import { isDescriptionOf } from './vm-snapshot-mark.ts';
import { mergeLeftData, removeVmSnapshot } from './vm-snapshot-removal.ts';
import { findVm } from './vms.ts';

/** `open`: told with its run. `none`: no journal here can tell. `because`: why nobody may say whose it is. */
export type RunLookUp = (run: RunId) => Promise<Run | { readonly because: string } | 'open' | 'none'>;

/**
 * Judges every VM snapshot whose name begins like ours. Ours is one whose closed journal plans name and VM; without a journal, one
 * with the installation's mark in its name, the run in its description, and a time that vCenter tells of while that run was at work.
 */
export async function judgeLostVmSnapshots(
  ports: JobPorts,
  { olderThanMs, runOf }: { readonly olderThanMs: number; readonly runOf: RunLookUp },
  signal: AbortSignal,
): Promise<readonly Judged[]> {
  const { vmSnapshots: vcenter } = ports;
  if (!vcenter) return [];
  try {
    const judged: Judged[] = [];
    for (const snapshot of await vcenter.list({ namePrefix: OWN_NAME_PREFIX }, signal)) {
      const one = await judge(ports, vcenter, snapshot, { olderThanMs, runOf });
      if (one) judged.push(one);
    }
    return judged;
  } finally {
    await vcenter.close();
  }
}

async function judge(
  ports: JobPorts,
  vcenter: VmSnapshots,
  snapshot: VmSnapshot,
  { olderThanMs, runOf }: { readonly olderThanMs: number; readonly runOf: RunLookUp },
): Promise<Judged | undefined> {
  const { installation, clock } = ports;
  const of = { vm: snapshot.vm, name: snapshot.name };
  const foreign = (because: string): Judged => ({
    finding: { kind: 'foreign-vm-snapshot', ...of },
    because,
    remove: undefined,
  });
  const ours = (runId: RunId, because: string): Judged => ({
    finding: { kind: 'orphan-vm-snapshot', runId, ...of },
    because,
    remove: (signal) => remove(ports, vcenter, snapshot, signal),
  });
  const name = parseSnapshotName(snapshot.name);
  // Snapshots of VMs are never kept.
  if (!name || name.kept) return foreign('the name is not of our form');
  const id = name.run;
  if (!isDescriptionOf(snapshot.description, id)) return foreign('its description is not the one that run gives');
  const run = await runOf(id);
  if (run === 'open') return undefined;
  if (run !== 'none' && 'because' in run) return foreign(run.because);
  if (run !== 'none') {
    const { plan } = run;
    const isPlanned =
      plan.managed !== undefined &&
      plan.snapshotName === snapshot.name &&
      plan.vms.some(({ moRef }) => moRef === snapshot.vm);
    return isPlanned
      ? ours(id, 'the journal of its run, which is closed, plans this name and VM')
      : foreign('the journal of its run plans another name or VM');
  }
  const own = runByMark(
    installation,
    snapshot.name,
    ports.arrays.map((array) => array.id),
  );
  if (!('run' in own)) return foreign(own.because);
  const why = whyNotOfItsTime(installation, id, snapshot.createdAtMs, 'vCenter');
  if (why !== undefined) return foreign(why);
  const proof =
    'no journal here, but the mark in the name is of this installation and the time vCenter tells is of that run';
  if (!isYoung(id, clock.now(), olderThanMs)) return ours(id, proof);
  return {
    finding: { kind: 'waiting-vm-snapshot', runId: id, ...of },
    because: `${proof}; its run is so young that it may be at work elsewhere`,
    remove: undefined,
  };
}

async function remove(ports: JobPorts, vcenter: VmSnapshots, snapshot: VmSnapshot, parent: AbortSignal): Promise<void> {
  const undoMs = longestMs(ports.installation, 'undoMs');
  const message = `removing snapshot "${snapshot.name}" of VM "${snapshot.vm}" took longer than ${undoMs} ms`;
  try {
    await withinLimit(ports.clock, { durationMs: undoMs, code: 'E_LEFTOVERS', message }, parent, async (signal) => {
      await vcenter.whenIdle(snapshot.vm, signal);
      await removeVmSnapshot(vcenter, snapshot, await proxyVmOf(ports, signal), signal);
      await mergeLeftData(vcenter, { name: snapshot.vm, moRef: snapshot.vm }, signal);
    });
  } finally {
    await vcenter.close();
  }
}

/** Undefined when the proxy VM is gone: then it has no disks either. */
export async function proxyVmOf(
  { hypervisor, installation }: Pick<JobPorts, 'hypervisor' | 'installation'>,
  signal: AbortSignal,
): Promise<MoRef | undefined> {
  if (installation.proxyVm === undefined) return undefined;
  try {
    return (await findVm(hypervisor, installation.proxyVm, signal)).moRef;
  } catch (error) {
    if (error instanceof SnaphookError && error.code === 'E_VM_NOT_FOUND') return undefined;
    throw error;
  }
}
