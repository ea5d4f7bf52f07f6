import { SnaphookError } from '../../ports/errors.ts';
import type { FreezeEvidence } from '../../ports/guest.ts';
import type { InstanceUuid } from '../../ports/identity.ts';
import type { SnapshotDisk, VmSnapshot, VmSnapshots } from '../../ports/vm-snapshots.ts';
import { establishLimitMs } from '../establish-limit.ts';
import { rememberEstablish } from '../establish-speed.ts';
import {
  type FreezeWindow,
  holdWindow,
  inFreezeWindow,
  limited,
  windowFailure,
  withUnknownEffect,
} from '../freeze-window.ts';
import { gradeOf, type VmEvidence } from '../grade.ts';
import { lookBeforeFreeze } from '../layout-guard.ts';
import type { PlannedVm } from '../plan.ts';
import type { CapturedVm, ManagedCaptureResult, TakenVmSnapshot } from '../results.ts';
import type { Run, Step } from '../step.ts';
import { managedCaptureResultOf } from '../step-results.ts';
import { inVcenter } from '../vcenter-session.ts';
import { isDescriptionOf, vmSnapshotDescription } from '../vm-snapshot-mark.ts';
import { mergeLeftData, removeVmSnapshot } from '../vm-snapshot-removal.ts';
import { evidenceOfVm, finishGuests } from './capture.ts';

/**
 * Effect: one snapshot of vSphere for each VM, and guests that were frozen for a moment. Each VM has a window of its own: there is
 * no instant that VMs have in common.
 */
export const managedCaptureStep: Step<ManagedCaptureResult> = {
  name: 'managed-capture',
  repeatable: false,
  settles: true,

  async do(run, signal) {
    await lookBeforeFreeze(run, signal);
    return inVcenter(run, signal, async (vcenter) => {
      await refuseUnmerged(run, vcenter, signal);
      const { vms } = run.plan;
      const windows = await inFreezeWindow(run, () => Promise.all(vms.map((vm) => windowOf(run, vcenter, vm, signal))));
      const captured: Captured[] = [];
      for (const [index, window] of windows.entries()) {
        const vm = vms[index];
        if (!vm) continue;
        // With VMware Tools it is mostly the guest that takes its time.
        if (vm.freeze !== 'vmware-tools')
          await rememberEstablish(run, window, { by: 'vm-snapshot', devices: vm.disks.length });
        captured.push(await judge(run, vcenter, vm, window, signal));
      }
      return resultOf(captured);
    });
  },

  // A second window needs a freshly prepared guest, so an unknown capture is never repeated, only undone.
  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const hotAdd = run.journal.state.steps['hot-add'].at;
    if (hotAdd !== 'untouched' && hotAdd !== 'undone' && hotAdd !== 'refused') {
      throw new SnaphookError(
        'E_LEFTOVERS',
        `the disks of VM snapshot "${run.plan.snapshotName}" may still be attached`,
        {
          hint: 'It is removed when they are detached from the proxy VM: removed before, its data could not be merged.',
        },
      );
    }
    await inVcenter(run, signal, async (vcenter) => {
      const errors: unknown[] = [];
      for (const vm of run.plan.vms) await removeOwn(run, vcenter, vm, signal).catch((error) => errors.push(error));
      if (errors.length > 0) throw errors[0];
    });
  },
};

/** A chain that is to be merged and is not makes every further snapshot a risk. */
async function refuseUnmerged(run: Run, vcenter: VmSnapshots, signal: AbortSignal): Promise<void> {
  for (const { name, moRef } of run.plan.vms) {
    if (!(await vcenter.consolidationNeeded(moRef, signal))) continue;
    throw new SnaphookError('E_DISK_UNSUPPORTED', `VM "${name}" cannot be captured: its disks need consolidation`, {
      hint: 'Detach its disks from backup proxies, then consolidate them in vCenter, and run the job again.',
    });
  }
}

function windowOf(run: Run, vcenter: VmSnapshots, vm: PlannedVm, signal: AbortSignal): Promise<FreezeWindow> {
  const { snapshotName: name, runId } = run.plan;
  const guests = [...run.openGuests].filter(([uuid]) => uuid === vm.instanceUuid);
  const byTools = vm.freeze === 'vmware-tools';
  const limitMs = establishLimitMs(
    run,
    guests.map(([uuid]) => uuid),
  );
  const message = `vCenter did not confirm snapshot "${name}" of VM "${vm.name}" within ${limitMs} ms`;
  const quiesce = byTools ? (isWindows(vm) ? 'windows' : 'other') : undefined;
  const request = { vm: vm.moRef, name, description: vmSnapshotDescription(runId), quiesce } as const;
  const takePoint = async () => {
    await limited(run, limitMs, 'E_FREEZE_WINDOW', message, signal, (limit) => vcenter.create(request, limit));
    return undefined;
  };
  return holdWindow(run, guests, takePoint, signal);
}

/** `windows9Server64Guest`, `winNetStandardGuest`, ... (vSphere API: VirtualMachineGuestOsIdentifier). */
const isWindows = ({ hardware }: PlannedVm): boolean => /^win/i.test(hardware?.guestId ?? '');

interface Captured {
  readonly window: FreezeWindow;
  readonly vm: CapturedVm;
  readonly snapshot: TakenVmSnapshot;
}

async function judge(
  run: Run,
  vcenter: VmSnapshots,
  vm: PlannedVm,
  window: FreezeWindow,
  signal: AbortSignal,
): Promise<Captured> {
  const freezes = await finishGuests(run, window, signal);
  const failure = windowFailure(window);
  if (failure !== undefined) throw failure;
  try {
    const unconfirmed = window.thaws.get(vm.instanceUuid);
    if (unconfirmed && !unconfirmed.confirmed) throw unconfirmed.error;
    const found = await findTaken(run, vcenter, vm, window, signal);
    const [snapshot] = found;
    const disks = snapshot ? await vcenter.disksOf(snapshot.moRef, signal) : [];
    const evidence = evidenceOf(run, vm, { window, freeze: freezes.get(vm.instanceUuid), found, disks });
    if (!snapshot)
      throw new SnaphookError('E_VCENTER', `VM "${vm.name}" does not have the snapshot that was taken of it`);
    return {
      window,
      vm: { vm: vm.instanceUuid, evidence, ...gradeOf(evidence) },
      snapshot: { vm: vm.instanceUuid, moRef: snapshot.moRef, isOnly: snapshot.isOnly, disks },
    };
  } catch (error) {
    throw window.establishError === undefined ? error : withUnknownEffect(error);
  }
}

/** A task that was given up in the window goes on in vCenter: its end is waited for. */
async function findTaken(
  run: Run,
  vcenter: VmSnapshots,
  vm: PlannedVm,
  { establishError }: FreezeWindow,
  signal: AbortSignal,
): Promise<readonly VmSnapshot[]> {
  if (establishError !== undefined) {
    await run.ports.clock.sleep(run.plan.spec.limits.settleMs, signal);
    await vcenter.whenIdle(vm.moRef, signal);
  }
  const found = await vcenter.find({ vm: vm.moRef, name: run.plan.snapshotName }, signal);
  if (found.length === 0 && establishError !== undefined) throw establishError;
  return found;
}

function evidenceOf(
  run: Run,
  vm: PlannedVm,
  seen: {
    readonly window: FreezeWindow;
    readonly freeze: FreezeEvidence | undefined;
    readonly found: readonly VmSnapshot[];
    readonly disks: readonly SnapshotDisk[];
  },
): VmEvidence {
  return {
    ...evidenceOfVm(run, vm, seen.window.times, seen.freeze),
    devices: [],
    snapshots: [],
    vmSnapshot: {
      count: seen.found.length,
      diskUuids: seen.disks.map(({ diskUuid }) => diskUuid),
      quiescedByTools: seen.found[0]?.quiesced ?? false,
    },
    layoutDoubts: seen.disks.flatMap((disk) => doubtsAbout(vm, disk)),
  };
}

/**
 * No second look at the VM is needed: its snapshot has changed where its data lie, and tells itself what disks it holds. One that
 * was added or grew since the look before the freeze shows there.
 */
function doubtsAbout({ disks }: PlannedVm, { key, fileName, capacityBytes }: SnapshotDisk): readonly string[] {
  const planned = disks.find((disk) => disk.key === key);
  if (!planned) return [`the VM snapshot holds disk "${fileName}", which was not planned`];
  if (planned.capacityBytes === capacityBytes) return [];
  return [`disk "${planned.label}" has ${capacityBytes} bytes in the VM snapshot, not ${planned.capacityBytes}`];
}

/** The longest of the windows stands for all. */
function resultOf(captured: readonly Captured[]): ManagedCaptureResult {
  const longest = (from: keyof FreezeWindow['times'], to: keyof FreezeWindow['times']) =>
    Math.max(0, ...captured.map(({ window: { times } }) => (times[to] ?? 0) - (times[from] ?? times[to] ?? 0)));
  return {
    snapId: undefined,
    lengthMs: longest('freezeRequestedMs', 'thawedMs'),
    arrayMs: longest('establishSentMs', 'establishConfirmedMs'),
    freezeMs: longest('freezeRequestedMs', 'frozenMs'),
    thawMs: longest('thawSentMs', 'thawedMs'),
    vms: captured.map(({ vm }) => vm),
    snapshots: captured.map(({ snapshot }) => snapshot),
  };
}

/** What vCenter shows decides, after a crash too. */
async function removeOwn(run: Run, vcenter: VmSnapshots, vm: PlannedVm, signal: AbortSignal): Promise<void> {
  await vcenter.whenIdle(vm.moRef, signal);
  const name = run.plan.snapshotName;
  const found = await vcenter.find({ vm: vm.moRef, name }, signal);
  const own = found.filter((snapshot) => isOwn(run, vm.instanceUuid, snapshot));
  for (const snapshot of found.filter((one) => !own.includes(one))) {
    const fields = { vm: vm.name, snapshot: name, id: snapshot.moRef };
    run.ports.reporter.warn('a snapshot of this name is not the one this run took and is left alone', fields);
  }
  const proxyVm = run.plan.managed?.proxyVm.moRef;
  for (const snapshot of own) await removeVmSnapshot(vcenter, snapshot, proxyVm, signal);
  await mergeLeftData(vcenter, vm, signal);
}

/** By name and description, and by its id where the journal has it. */
function isOwn(run: Run, vm: InstanceUuid, { description, moRef }: VmSnapshot): boolean {
  const taken = managedCaptureResultOf(run.journal.state)?.snapshots.find((one) => one.vm === vm);
  return isDescriptionOf(description, run.plan.runId) && (taken === undefined || taken.moRef === moRef);
}
