import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId, RunId } from '../ports/identity.ts';
import type { Device, SnapshotOfDevice, StorageArray } from '../ports/storage-array.ts';
import { keptJournal } from './kept-changes.ts';
import { type CapturedDevice, capturedOf, type Plan, type PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';
import type { CaptureResult } from './results.ts';
import { loadRun } from './run-record.ts';
import { captureResultOf } from './step-results.ts';

/** A kept snapshot that something is made of: all that its journal says. */
export interface KeptSource {
  readonly plan: Plan;
  readonly array: StorageArray;
  readonly capture: CaptureResult;
  readonly label: string | undefined;
  readonly takenAt: Date | undefined;
}

/** Errors: `E_SNAPSHOT_NOT_FOUND`, also when its journal was lost; `E_CONFIG` when its array is not configured any more. */
export async function loadKept(ports: JobPorts, runId: RunId): Promise<KeptSource> {
  const { state } = await keptJournal(ports, runId);
  const capture = captureResultOf(state);
  const { run } = await loadRun(ports, runId);
  if (!run || !capture) {
    throw new SnaphookError(
      'E_SNAPSHOT_NOT_FOUND',
      `of kept snapshot "${runId}" nobody knows which disks were on its devices: its first journal was lost`,
      { hint: 'Use it in Unisphere, if you know that.' },
    );
  }
  const { plan, array } = run;
  return { plan, array, capture, label: state.label ?? plan.spec.keep?.label, takenAt: state.capturedAt };
}

/** The snapshot as the array shows it on these devices. Errors: `E_SNAPSHOT_NOT_FOUND` when it is not on all of them. */
export async function requireSnapshot(
  { plan, array, capture }: KeptSource,
  devices: readonly DeviceId[],
  signal: AbortSignal,
): Promise<readonly SnapshotOfDevice[]> {
  const found = await array.findSnapshots({ name: plan.snapshotName, devices }, signal);
  const own = found.filter(({ snapId }) => capture.snapId === undefined || snapId === capture.snapId);
  const missing = devices.filter((device) => !own.some(({ source }) => source === device));
  if (missing.length === 0) return own;
  throw new SnaphookError(
    'E_SNAPSHOT_NOT_FOUND',
    `kept snapshot "${plan.runId}" is not on device ${missing.join(', ')} of array "${array.id}" any more`,
    { hint: 'It expired, or somebody deleted it; `snaphook snapshot list` shows what there is.' },
  );
}

/** Why a device that holds a disk now is not the one that was captured; undefined when it is. */
export function whyOther(now: Device | undefined, then: CapturedDevice): string | undefined {
  if (now?.effectiveWwn !== then.wwn)
    return `device "${then.device}", which was captured, is not what holds the disk now`;
  if (then.cylinders === undefined || then.cylinders === now.cylinders) return undefined;
  return `device "${then.device}" has ${now.cylinders} cylinders and had ${then.cylinders} when it was captured`;
}

/** Errors: `E_VM_NOT_FOUND`, `E_VM_AMBIGUOUS`. */
export function vmsOf({ plan }: KeptSource, names: readonly string[]): readonly PlannedVm[] {
  if (names.length === 0) return plan.vms.filter(({ role }) => role === 'selected');
  const chosen = new Set<PlannedVm>();
  for (const name of names) {
    const [vm, ...others] = plan.vms.filter((one) => one.name === name || one.instanceUuid === name);
    if (!vm || others.length > 0) {
      const has = plan.vms.map((one) => `"${one.name}" (${one.instanceUuid})`).join(', ');
      throw new SnaphookError(
        vm ? 'E_VM_AMBIGUOUS' : 'E_VM_NOT_FOUND',
        `snapshot "${plan.runId}" has ${vm ? 'several VMs' : 'no VM'} "${name}"; it has ${has}`,
        { hint: 'Name a VM of the snapshot by the name it had, or by its instance uuid.' },
      );
    }
    chosen.add(vm);
  }
  return [...chosen];
}

/** The devices of the snapshot that hold disks of these VMs. */
export function devicesOfVms({ plan }: KeptSource, vms: readonly PlannedVm[]): readonly CapturedDevice[] {
  const ids = new Set(vms.flatMap(({ disks }) => disks.flatMap(({ devices }) => devices)));
  return capturedOf(plan).filter(({ device }) => ids.has(device));
}
