import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import type { Grade } from './grade.ts';
import { identitiesOf } from './identity.ts';
import type { RevertWish } from './job-spec.ts';
import { checkUnlinked } from './kept-changes.ts';
import { type KeptSource, loadKept, requireSnapshot, whyOther } from './kept-source.ts';
import { openPlansOf } from './open-plans.ts';
import { type CapturedDevice, capturedOf, devicesOf, type Plan, type PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { checkDevices, findDevices, sourcesOf } from './sources.ts';
import { requireStandstill } from './standstill.ts';

/** What a revert would write back, found fit for it. */
export interface RevertDraft {
  readonly source: KeptSource;
  readonly vms: readonly (PlannedVm & { readonly grade: Grade })[];
  readonly devices: readonly CapturedDevice[];
  readonly warnings: readonly string[];
}

/**
 * Looks whether the VMs may be set back to the snapshot, and changes nothing. Errors: `E_SNAPSHOT_NOT_FOUND`, `E_SNAPSHOT_LINKED`,
 * `E_REVERT` for what can never be reverted so, `E_REVERT_IN_USE` for what somebody uses now, `E_VM_*`, `E_DEVICE_*`.
 */
export async function planRevert(ports: JobPorts, wish: RevertWish, signal: AbortSignal): Promise<RevertDraft> {
  const source = await loadKept(ports, wish.snapshotRun);
  const { plan: kept, array, capture } = source;
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
  await requireNotInUse(source, devices, signal);
  return {
    source,
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
  for (const then of devices) {
    const device = now.get(then.device);
    const why =
      found.home.array.id === kept.arrayId
        ? whyOther(device, then)
        : `the disks are on array "${found.home.array.id}" now, and were on "${kept.arrayId}"`;
    if (why !== undefined)
      throw refused(why, 'Its storage was changed since. Restore it in Unisphere if that is right.');
    if (device?.linkTarget) {
      throw refused(`device "${then.device}" shows a snapshot of another device`, 'Unlink it in Unisphere.');
    }
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

async function requireNotInUse(
  source: KeptSource,
  captured: readonly CapturedDevice[],
  signal: AbortSignal,
): Promise<void> {
  const devices = captured.map(({ device }) => device);
  checkUnlinked(source.plan.runId, await requireSnapshot(source, devices, signal));
  const loads = await source.array.sourceLoads(devices, signal);
  const busy = loads.find(({ isRestoring }) => isRestoring);
  if (!busy) return;
  throw new SnaphookError('E_REVERT_IN_USE', `device "${busy.device}" is being restored from a snapshot`, {
    hint: 'Let it end, and end its restore session in Unisphere. One of this tool is shown by `snaphook reap`.',
  });
}

const refused = (why: string, hint: string): SnaphookError =>
  new SnaphookError('E_REVERT', `no revert is possible: ${why}`, { hint });
