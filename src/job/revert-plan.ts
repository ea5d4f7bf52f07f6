import { SnaphookError } from '../ports/errors.ts';
import type { UnreadableVm, VmRecord } from '../ports/hypervisor.ts';
import type { Grade } from './grade.ts';
import { identitiesOf } from './identity.ts';
import type { KeptWish } from './job-spec.ts';
import { checkUnlinked } from './kept-changes.ts';
import { devicesOfVms, type KeptSource, loadKept, requireSnapshot, vmsOf, whyOther } from './kept-source.ts';
import { openPlansOf } from './open-plans.ts';
import { type CapturedDevice, devicesOf, type Plan, type PlannedVm } from './plan.ts';
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
export async function planRevert(ports: JobPorts, wish: KeptWish, signal: AbortSignal): Promise<RevertDraft> {
  const source = await loadKept(ports, wish.snapshotRun);
  const { plan: kept, array, capture } = source;
  const vms = vmsOf(source, wish.vms);
  requireWholeDevices(vms);
  const devices = devicesOfVms(source, vms);
  if ((await array.facts(signal)).snapVxApi === 'storage-group') {
    throw refused(
      `array "${array.id}" takes snapshots by storage group, where one request ends a restore or deletes the snapshot`,
      'Allow `snapVxApi: device-list` for the array, or restore the snapshot in Unisphere.',
    );
  }
  const records = await requireStandstill(ports, vms, signal);
  await requireSameDevices(ports, { kept, devices, records }, signal);
  await requireNoOpenRun(ports, devices);
  const unseen = await requireNoOtherVm(ports, records, signal);
  await requireNotInUse(source, devices, signal);
  return {
    source,
    vms: vms.map((vm) => ({
      ...vm,
      grade: capture.vms.find(({ vm: id }) => id === vm.instanceUuid)?.grade ?? 'unknown',
    })),
    devices,
    warnings: [
      ...records.flatMap(({ name, condition }) =>
        condition.changeTracking
          ? [
              `VM "${name}" has changed block tracking, which does not see a revert: reset it before the next incremental backup`,
            ]
          : [],
      ),
      ...unseen,
    ],
  };
}

function requireWholeDevices(vms: readonly PlannedVm[]): void {
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

/** No run of this machine has one of the devices. Errors: `E_REVERT_IN_USE`. */
export async function requireNoOpenRun(ports: JobPorts, devices: readonly CapturedDevice[]): Promise<void> {
  const ids = new Set(devices.map(({ device }) => device));
  for (const plan of await openPlansOf(ports)) {
    const shared = devicesOf(plan).find((device) => ids.has(device));
    if (shared === undefined) continue;
    throw new SnaphookError(
      'E_REVERT_IN_USE',
      `nothing is written back: run "${plan.runId}" of job "${plan.spec.name}" is open and has device "${shared}"`,
      { hint: 'Let it end; `snaphook status` shows it, and `snaphook reap` what crashed.' },
    );
  }
}

/** No other VM has one of the disks. Returns of which VMs that cannot be told, in words. */
async function requireNoOtherVm(
  { hypervisor }: JobPorts,
  records: readonly VmRecord[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const own = new Set(records.map(({ instanceUuid }) => instanceUuid));
  const identities = new Set(records.flatMap(({ disks }) => disks.flatMap(identitiesOf)));
  const unreadable: UnreadableVm[] = [];
  const leaveOut = (vm: UnreadableVm) => void unreadable.push(vm);
  const [everyone = []] = await hypervisor.findVms([{ by: 'pattern', pattern: '*' }], signal, [], leaveOut);
  const others = everyone.filter(({ instanceUuid }) => !own.has(instanceUuid));
  const other = others.find(({ disks }) =>
    disks.some((disk) => identitiesOf(disk).some((identity) => identities.has(identity))),
  );
  if (other) throw refused(`VM "${other.name}" has a disk of the VM too`, 'Take the disk off that VM first.');
  const unseen = (name: string, why: string) => `whether VM "${name}" has one of the disks too is not known: ${why}`;
  return [
    ...unreadable.map(({ name, error }) => unseen(name, error.message)),
    ...others.flatMap(({ name, connected, disks }) =>
      connected || disks.length > 0 ? [] : [unseen(name, 'vCenter does not reach it and shows no disks of it')],
    ),
  ];
}

async function requireNotInUse(
  source: KeptSource,
  captured: readonly CapturedDevice[],
  signal: AbortSignal,
): Promise<void> {
  const devices = captured.map(({ device }) => device);
  checkUnlinked(source.plan.runId, await requireSnapshot(source, devices, signal));
  // Each by itself: a list of several does not tell a restore that is still at work.
  const loads = (await Promise.all(devices.map((device) => source.array.sourceLoads([device], signal)))).flat();
  const busy = loads.find(({ isRestoring }) => isRestoring);
  if (!busy) return;
  throw new SnaphookError('E_REVERT_IN_USE', `device "${busy.device}" is being restored from a snapshot`, {
    hint: 'Let it end, and end its restore session in Unisphere. One of this tool is shown by `snaphook reap`.',
  });
}

const refused = (why: string, hint: string): SnaphookError =>
  new SnaphookError('E_REVERT', `no revert is possible: ${why}`, { hint });
