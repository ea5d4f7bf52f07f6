import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { StorageArray } from '../ports/storage-array.ts';
import type { Grade } from './grade.ts';
import { identitiesOf } from './identity.ts';
import type { RevertWish } from './job-spec.ts';
import { captureResultOf } from './journal.ts';
import { checkUnlinked, keptJournal } from './kept-changes.ts';
import { openPlansOf } from './open-plans.ts';
import { type CapturedDevice, capturedOf, devicesOf, type Plan, type PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { loadRun } from './run-record.ts';
import { checkDevices, findDevices, sourcesOf } from './sources.ts';
import { requireStandstill } from './standstill.ts';

/** What a revert would write back, found fit for it. */
export interface RevertDraft {
  /** Of the run that made the snapshot. */
  readonly kept: Plan;
  readonly label: string | undefined;
  readonly takenAt: Date | undefined;
  readonly snapId: number | undefined;
  readonly vms: readonly (PlannedVm & { readonly grade: Grade })[];
  readonly devices: readonly CapturedDevice[];
  readonly warnings: readonly string[];
}

/**
 * Looks whether the VMs may be set back to the snapshot, and changes nothing. Errors: `E_SNAPSHOT_NOT_FOUND`, `E_SNAPSHOT_LINKED`,
 * `E_REVERT` for what can never be reverted so, `E_REVERT_IN_USE` for what somebody uses now, `E_VM_*`, `E_DEVICE_*`.
 */
export async function planRevert(ports: JobPorts, wish: RevertWish, signal: AbortSignal): Promise<RevertDraft> {
  const { state } = await keptJournal(ports, wish.snapshotRun);
  const capture = captureResultOf(state);
  const { run } = await loadRun(ports, wish.snapshotRun);
  if (!run || !capture || state.found) {
    throw refused(
      `the journal of snapshot "${wish.snapshotRun}" was lost: which disks were on its devices is not known`,
      'Restore it in Unisphere if you know that.',
    );
  }
  const { plan: kept, array } = run;
  const vms = chosenVms(kept, wish.vms);
  const devices = devicesOfVms(kept, vms);
  if ((await array.facts(signal)).snapVxApi === 'storage-group') {
    throw refused(
      `array "${array.id}" takes snapshots by storage group, where one request ends a restore or deletes the snapshot`,
      'Allow `snapVxApi: device-list` for the array, or restore the snapshot in Unisphere.',
    );
  }
  const records = await requireStandstill(ports, vms, signal);
  await requireSameDevices(ports, { kept, devices, records }, signal);
  await requireNoOtherUser(ports, { devices, records }, signal);
  await requireSnapshot(array, { kept, snapId: capture.snapId, devices }, signal);
  return {
    kept,
    label: state.label ?? kept.spec.keep?.label,
    takenAt: state.capturedAt,
    snapId: capture.snapId,
    vms: vms.map((vm) => ({
      ...vm,
      grade: capture.vms.find(({ vm: id }) => id === vm.instanceUuid)?.grade ?? 'unknown',
    })),
    devices,
    warnings: records.flatMap(({ name, condition }) =>
      condition.changeTracking
        ? [
            `VM "${name}" has changed block tracking, which does not see a revert: reset it before the next incremental backup`,
          ]
        : [],
    ),
  };
}

function chosenVms(kept: Plan, names: readonly string[]): readonly PlannedVm[] {
  const chosen = new Set<PlannedVm>();
  for (const name of names) {
    const named = kept.vms.filter((vm) => vm.name === name || vm.instanceUuid === name);
    const [vm, ...others] = named;
    if (!vm || others.length > 0) {
      const has = kept.vms.map((one) => `"${one.name}" (${one.instanceUuid})`).join(', ');
      throw new SnaphookError(
        others.length > 0 ? 'E_VM_AMBIGUOUS' : 'E_VM_NOT_FOUND',
        `snapshot "${kept.runId}" has ${named.length} VMs "${name}", but ${has}`,
        { hint: 'Name a VM of the snapshot by the name it had, or by its instance uuid.' },
      );
    }
    chosen.add(vm);
  }
  return [...chosen];
}

function devicesOfVms(kept: Plan, vms: readonly PlannedVm[]): readonly CapturedDevice[] {
  for (const { name, disks } of vms) {
    for (const { label, storage, sharedByWriters } of disks) {
      const what = `disk "${label}" of VM "${name}"`;
      if (storage === 'vmfs') {
        throw refused(
          `${what} is a file on a VMFS datastore: all VMs on the datastore would be set back, under hosts that have it mounted`,
          'Make a clone out of a snapshot, and take what is needed from it (`snaphook clone`).',
        );
      }
      if (sharedByWriters)
        throw refused(`${what} is shared with other VMs`, 'Restore it in Unisphere with all its VMs off.');
    }
  }
  const ids = new Set(vms.flatMap(({ disks }) => disks.flatMap(({ devices }) => devices)));
  return capturedOf(kept).filter(({ device }) => ids.has(device));
}

/** Array, device, identity and size are those that were captured, by everything that vCenter and array tell now. */
async function requireSameDevices(
  ports: JobPorts,
  wanted: { readonly kept: Plan; readonly devices: readonly CapturedDevice[]; readonly records: readonly VmRecord[] },
  signal: AbortSignal,
): Promise<void> {
  const { kept, devices, records } = wanted;
  const disks = records.flatMap((vm) => vm.disks.map((disk) => ({ vm, disk })));
  const found = await findDevices(ports.arrays, kept.spec.targetPool, disks, signal);
  checkDevices(found, disks);
  const now = new Map(sourcesOf(found, disks).map(({ device }) => [device.id, device]));
  for (const { device: id, wwn, cylinders } of devices) {
    const device = now.get(id);
    if (found.home.array.id !== kept.arrayId || device?.effectiveWwn !== wwn) {
      throw refused(
        `device "${id}" of array "${kept.arrayId}", which was captured, is not what holds the disk now`,
        'The snapshot is of other devices: make a clone of it, or restore it in Unisphere.',
      );
    }
    if (cylinders !== undefined && device.cylinders !== cylinders) {
      throw refused(
        `device "${id}" has ${device.cylinders} cylinders and had ${cylinders} when it was captured`,
        'A snapshot from before an expansion is not written back by this tool.',
      );
    }
    if (device.linkTarget)
      throw refused(`device "${id}" shows a snapshot of another device`, 'Unlink it in Unisphere.');
  }
  if (now.size !== devices.length) {
    throw refused('the VM has disks on devices that the snapshot does not have', 'Take these disks off the VM first.');
  }
}

/** Neither a VM, nor a run of this machine, nor a restore of somebody else. */
async function requireNoOtherUser(
  ports: JobPorts,
  { devices, records }: { readonly devices: readonly CapturedDevice[]; readonly records: readonly VmRecord[] },
  signal: AbortSignal,
): Promise<void> {
  const ids = new Set(devices.map(({ device }) => device));
  const inUse = (why: string, hint: string) =>
    new SnaphookError('E_REVERT_IN_USE', `nothing is written back: ${why}`, { hint });
  for (const plan of await openPlansOf(ports)) {
    const shared = devicesOf(plan).find((device) => ids.has(device));
    if (shared === undefined) continue;
    throw inUse(
      `run "${plan.runId}" of job "${plan.spec.name}" is open and has device "${shared}"`,
      'Let it end; `snaphook status` shows it, and `snaphook reap` what crashed.',
    );
  }
  const own = new Set(records.map(({ instanceUuid }) => instanceUuid));
  const identities = new Set(records.flatMap(({ disks }) => disks.flatMap(identitiesOf)));
  const [everyone = []] = await ports.hypervisor.findVms([{ by: 'pattern', pattern: '*' }], signal);
  const other = everyone.find(
    ({ instanceUuid, disks }) =>
      !own.has(instanceUuid) && disks.some((disk) => identitiesOf(disk).some((identity) => identities.has(identity))),
  );
  if (other) throw refused(`VM "${other.name}" has a disk of the VM too`, 'Take the disk off that VM first.');
}

async function requireSnapshot(
  array: StorageArray,
  wanted: { readonly kept: Plan; readonly snapId: number | undefined; readonly devices: readonly CapturedDevice[] },
  signal: AbortSignal,
): Promise<void> {
  const { kept, snapId } = wanted;
  const devices = wanted.devices.map(({ device }) => device);
  const found = await array.findSnapshots({ name: kept.snapshotName, devices }, signal);
  const own = found.filter((one) => snapId === undefined || one.snapId === snapId);
  const missing = devices.filter((device) => !own.some(({ source }) => source === device));
  if (missing.length > 0) {
    throw new SnaphookError(
      'E_SNAPSHOT_NOT_FOUND',
      `kept snapshot "${kept.runId}" is not on device ${missing.join(', ')} of array "${array.id}" any more`,
      { hint: 'It expired, or somebody deleted it; `snaphook snapshot list` shows what there is.' },
    );
  }
  checkUnlinked(kept.runId, own);
  const busy = await restoring(array, devices, signal);
  if (busy === undefined) return;
  throw new SnaphookError('E_REVERT_IN_USE', `device "${busy}" is being restored from a snapshot`, {
    hint: 'Let it end, and end its restore session in Unisphere. One of this tool is shown by `snaphook reap`.',
  });
}

async function restoring(
  array: StorageArray,
  devices: readonly DeviceId[],
  signal: AbortSignal,
): Promise<DeviceId | undefined> {
  const loads = await array.sourceLoads(devices, signal);
  return loads.find(({ isRestoring }) => isRestoring)?.device;
}

const refused = (why: string, hint: string): SnaphookError =>
  new SnaphookError('E_REVERT', `no revert is possible: ${why}`, { hint });
