import { SnaphookError } from '../../ports/errors.ts';
import type { FreezeEvidence } from '../../ports/guest.ts';
import type { InstanceUuid } from '../../ports/identity.ts';
import type { SnapshotOfDevice } from '../../ports/storage-array.ts';
import { findAfterEstablish } from '../after-establish.ts';
import { withinLimit } from '../deadline.ts';
import { rememberEstablish } from '../establish-speed.ts';
import { type FreezeWindow, holdFreezeWindow, windowFailure, withUnknownEffect } from '../freeze-window.ts';
import { gradeOf, type VmEvidence } from '../grade.ts';
import { doubtsAfterThaw, lookBeforeFreeze } from '../layout-guard.ts';
import { devicesOf, isHandedOver, type PlannedVm, pairsOf } from '../plan.ts';
import type { CaptureResult } from '../results.ts';
import type { Run, Step } from '../step.ts';
import { captureResultOf, guestsResultOf } from '../step-results.ts';
import { unlinkPairs } from './link.ts';
import { refuseWhileMounted } from './mounted-copy.ts';

/** Effect: one snapshot on the array, and guests that were frozen for a moment. */
export const captureStep: Step<CaptureResult> = {
  name: 'capture',
  repeatable: false,
  settles: true,

  async do(run, signal) {
    const [before] = await Promise.all([lookBeforeFreeze(run, signal), run.array.warm(signal)]);
    const window = await holdFreezeWindow(run, signal);
    const freezes = await finishGuests(run, window, signal);
    await rememberEstablish(run, window);
    const failure = windowFailure(window);
    if (failure !== undefined) throw failure;
    try {
      const unconfirmed = [...window.thaws.values()].find((thaw) => !thaw.confirmed);
      if (unconfirmed && !unconfirmed.confirmed) throw unconfirmed.error;
      const [snapshots, layoutDoubts] = await Promise.all([
        findAfterEstablish(run, window.establishError, signal),
        doubtsAfterThaw(run, before.vms, signal),
      ]);
      const result = captureResult(run, window, { freezes, snapshots, layoutDoubts });
      return before.neighbours ? { ...result, neighbours: before.neighbours } : result;
    } catch (error) {
      // A look that failed says nothing about an establish that was not answered.
      throw window.establishError === undefined ? error : withUnknownEffect(error);
    }
  },

  // A second window needs a freshly prepared guest, so an unknown capture is never repeated, only undone.
  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    refuseWhileMounted(run);
    const { snapshotName: name } = run.plan;
    const devices = devicesOf(run.plan);
    const capture = captureResultOf(run.journal.state);
    const link = run.journal.state.steps.link.at;
    if (capture && (link === 'undone' || link === 'untouched')) {
      await run.array.terminate({ name, snapId: capture.snapId, devices }, signal).catch((error: unknown) => {
        // A link may have come after it was undone: what the array shows decides below.
        run.ports.reporter.warn('the snapshot was not terminated at once', { snapshot: name, error: String(error) });
      });
    }
    const found = await run.array.findSnapshots({ name, devices }, signal);
    if (found.length === 0) return;
    await terminateFound(run, found, signal);
    const left = await run.array.findSnapshots({ name, devices }, signal);
    if (left.length > 0) {
      throw new SnaphookError(
        'E_LEFTOVERS',
        `snapshot "${name}" is still on ${left.length} device(s) of array "${run.array.id}"`,
        {
          hint: 'Run `snaphook reap --apply`; the array removes it by itself when its time to live is over.',
        },
      );
    }
  },
};

/** After a crash: what the array shows decides. Links to targets of our plan are ours; any other link makes the terminate fail. */
async function terminateFound(run: Run, found: readonly SnapshotOfDevice[], signal: AbortSignal): Promise<void> {
  const planned = pairsOf(run.plan);
  for (const snapId of new Set(found.map((snapshot) => snapshot.snapId))) {
    const ofId = found.filter((snapshot) => snapshot.snapId === snapId);
    const pairs = planned.filter(({ source, target }) =>
      ofId.some(
        (snapshot) => snapshot.source === source && snapshot.linkedTargets.some((link) => link.target === target),
      ),
    );
    if (pairs.length > 0) await unlinkPairs(run, snapId, pairs, signal);
    const devices = ofId.map(({ source }) => source);
    await run.array.terminate({ name: run.plan.snapshotName, snapId, devices }, signal);
  }
}

export async function finishGuests(
  run: Run,
  window: FreezeWindow,
  signal: AbortSignal,
): Promise<ReadonlyMap<InstanceUuid, FreezeEvidence>> {
  const { clock, reporter } = run.ports;
  const finished = new Map<InstanceUuid, FreezeEvidence>();
  if (window.freezeErrors.length > 0) return finished;
  const thawed = [...run.openGuests].filter(([vm]) => window.thaws.get(vm)?.confirmed);
  await Promise.all(
    thawed.map(async ([vm, guest]) => {
      const limit = {
        durationMs: run.plan.spec.limits.thawMs + guest.scriptLimitMs,
        code: 'E_GUEST_HELPER' as const,
        message: `guest "${guest.name}" did not tell in time how the freeze ended`,
      };
      try {
        finished.set(vm, await withinLimit(clock, limit, signal, (limited) => guest.finish(limited)));
      } catch (error) {
        reporter.warn('the guest did not tell how the freeze ended', { vm: guest.name, error: String(error) });
      }
    }),
  );
  return finished;
}

/** What was found out after the thaw. */
interface Findings {
  readonly freezes: ReadonlyMap<InstanceUuid, FreezeEvidence>;
  readonly snapshots: readonly SnapshotOfDevice[];
  readonly layoutDoubts: ReadonlyMap<InstanceUuid, readonly string[]>;
}

function captureResult(run: Run, { times, arrayServiceMs }: FreezeWindow, findings: Findings): CaptureResult {
  const { snapshots } = findings;
  const between = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? 0 : to - from;
  const ids = new Set(snapshots.map(({ snapId }) => snapId));
  return {
    snapId: snapshots[0]?.snapId,
    lengthMs: between(times.freezeRequestedMs, times.thawedMs),
    arrayMs: arrayServiceMs ?? between(times.establishSentMs, times.establishConfirmedMs),
    freezeMs: between(times.freezeRequestedMs, times.frozenMs),
    thawMs: between(times.thawSentMs, times.thawedMs),
    vms: run.plan.vms.map((vm) => {
      const evidence = evidenceOf(run, vm, times, findings);
      const graded = gradeOf(evidence);
      // One establish took all VMs: two ids among them mean that something else happened.
      const reasons = [...graded.reasons, `the run's devices carry ${ids.size} different snap ids`];
      return { vm: vm.instanceUuid, evidence, ...(ids.size > 1 ? { grade: 'unknown' as const, reasons } : graded) };
    }),
  };
}

function evidenceOf(
  run: Run,
  vm: PlannedVm,
  times: VmEvidence['times'],
  { freezes, snapshots, layoutDoubts }: Findings,
): VmEvidence {
  const devices = [...new Set(vm.disks.flatMap((disk) => disk.devices))];
  return {
    ...evidenceOfVm(run, vm, times, freezes.get(vm.instanceUuid)),
    devices,
    snapshots: snapshots.filter(({ source }) => devices.includes(source)),
    layoutDoubts: layoutDoubts.get(vm.instanceUuid) ?? [],
  };
}

/** What counts on every route: the window, the guest, and what is known of the disks. */
export function evidenceOfVm(
  run: Run,
  vm: PlannedVm,
  times: VmEvidence['times'],
  freeze: FreezeEvidence | undefined,
): Pick<VmEvidence, 'times' | 'guest' | 'capturedDiskUuids' | 'readsShadowCopies' | 'sharedDisks' | 'heldBackDisks'> {
  const prepared = guestsResultOf(run.journal.state)?.prepared.find((guest) => guest.vm === vm.instanceUuid);
  return {
    times,
    guest: prepared && { prepared: prepared.guest, freeze },
    capturedDiskUuids: vm.disks.map((disk) => disk.guestDiskUuid),
    readsShadowCopies: vm.freeze === 'vss-diskshadow' && readsCopies(run),
    sharedDisks: vm.disks.filter((disk) => disk.sharedByWriters).map(({ label }) => label),
    heldBackDisks: vm.disks.filter((disk) => disk.mayHoldWritesBack).map(({ label }) => label),
  };
}

/** What a kept snapshot will be handed over as, nobody knows yet. */
const readsCopies = ({ plan }: Run): boolean => isHandedOver(plan) && plan.spec.files !== undefined;
