import { SnaphookError } from '../../ports/errors.ts';
import type { FreezeEvidence } from '../../ports/guest.ts';
import type { InstanceUuid } from '../../ports/identity.ts';
import type { SnapshotOfDevice } from '../../ports/storage-array.ts';
import { type FreezeWindow, holdFreezeWindow, windowFailure } from '../freeze-window.ts';
import { gradeOf, type VmEvidence } from '../grade.ts';
import { captureResultOf, guestsResultOf } from '../journal.ts';
import { devicesOf, type PlannedVm, pairsOf } from '../plan.ts';
import type { CaptureResult } from '../results.ts';
import type { Run, Step } from '../step.ts';
import { unlinkPairs } from './link.ts';

/** Effect: one snapshot on the array, and guests that were frozen for a moment. */
export const captureStep: Step<CaptureResult> = {
  name: 'capture',

  async do(run, signal) {
    await run.array.warm(signal);
    const window = await holdFreezeWindow(run, signal);
    const freezes = await finishGuests(run, window);
    const failure = windowFailure(window);
    if (failure !== undefined) throw failure;
    const unconfirmed = [...window.thaws.values()].find((thaw) => !thaw.confirmed);
    if (unconfirmed && !unconfirmed.confirmed) throw unconfirmed.error;
    const snapshots = await findAfterEstablish(run, window, signal);
    return captureResult(run, window, freezes, snapshots);
  },

  // A second window needs a freshly prepared guest, so an unknown capture is never repeated, only undone.
  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    await settle(run, signal);
    const { snapshotName: name } = run.plan;
    const devices = devicesOf(run.plan);
    const capture = captureResultOf(run.journal.state);
    const linkUndone = run.journal.state.steps.link.at === 'undone' || run.journal.state.steps.link.at === 'untouched';
    if (capture && linkUndone) await run.array.terminate({ name, snapId: capture.snapId, devices }, signal);
    else await terminateFound(run, await run.array.findSnapshots({ name, devices }, signal), signal);
    const left = await run.array.findSnapshots({ name, devices }, signal);
    if (left.length > 0) {
      throw new SnaphookError(
        'E_LEFTOVERS',
        `snapshot "${name}" is still on ${left.length} device(s) of array "${run.array.id}"`,
        {
          hint: 'Run `snaphook reap`; the array removes it by itself when its time to live is over.',
        },
      );
    }
  },
};

/**
 * A request of a process that died may still be under way: a snapshot could appear after we looked.
 * So an intent without a result is looked at only when it has had time to take effect.
 */
async function settle(run: Run, signal: AbortSignal): Promise<void> {
  const state = run.journal.state.steps.capture;
  if (state.at !== 'intended') return;
  const waitedMs = run.ports.clock.now().getTime() - state.since.getTime();
  const { settleMs } = run.plan.spec.limits;
  // Never longer than the settling time, even if the wall clock was set back since.
  const remainingMs = Math.min(settleMs - waitedMs, settleMs);
  if (remainingMs > 0) await run.ports.clock.sleep(remainingMs, signal);
}

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

async function finishGuests(run: Run, window: FreezeWindow): Promise<ReadonlyMap<InstanceUuid, FreezeEvidence>> {
  const { clock, reporter } = run.ports;
  const finished = new Map<InstanceUuid, FreezeEvidence>();
  for (const [vm, guest] of run.openGuests) {
    if (!window.thaws.get(vm)?.confirmed || window.freezeErrors.length > 0) continue;
    const timeout = new AbortController();
    clock.sleep(run.plan.spec.limits.thawMs, timeout.signal).then(
      () =>
        timeout.abort(new SnaphookError('E_GUEST_HELPER', `guest "${guest.name}" did not tell how the freeze ended`)),
      () => undefined,
    );
    try {
      finished.set(vm, await guest.finish(timeout.signal));
    } catch (error) {
      reporter.warn('the guest did not tell how the freeze ended', { vm: guest.name, error: String(error) });
    } finally {
      timeout.abort();
    }
  }
  return finished;
}

async function findAfterEstablish(
  run: Run,
  window: FreezeWindow,
  signal: AbortSignal,
): Promise<readonly SnapshotOfDevice[]> {
  const request = { name: run.plan.snapshotName, devices: devicesOf(run.plan) };
  const found = await run.array.findSnapshots(request, signal);
  if (found.length > 0 || window.establishError === undefined) return found;
  await run.ports.clock.sleep(run.plan.spec.limits.settleMs, signal);
  const later = await run.array.findSnapshots(request, signal);
  if (later.length === 0) throw certain(window.establishError);
  return later;
}

function certain(error: unknown): unknown {
  if (!(error instanceof SnaphookError)) return error;
  return new SnaphookError(error.code, error.message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

function captureResult(
  run: Run,
  { times, arrayServiceMs }: FreezeWindow,
  freezes: ReadonlyMap<InstanceUuid, FreezeEvidence>,
  snapshots: readonly SnapshotOfDevice[],
): CaptureResult {
  const between = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? 0 : to - from;
  return {
    snapId: snapshots[0]?.snapId,
    lengthMs: between(times.freezeRequestedMs, times.thawedMs),
    arrayMs: arrayServiceMs ?? between(times.establishSentMs, times.establishConfirmedMs),
    freezeMs: between(times.freezeRequestedMs, times.frozenMs),
    thawMs: between(times.thawSentMs, times.thawedMs),
    vms: run.plan.vms.map((vm) => {
      const evidence = evidenceOf(run, vm, times, freezes.get(vm.instanceUuid), snapshots);
      return { vm: vm.instanceUuid, evidence, ...gradeOf(evidence) };
    }),
  };
}

function evidenceOf(
  run: Run,
  vm: PlannedVm,
  times: VmEvidence['times'],
  freeze: FreezeEvidence | undefined,
  snapshots: readonly SnapshotOfDevice[],
): VmEvidence {
  const devices = [...new Set(vm.disks.flatMap((disk) => disk.devices))];
  const prepared = guestsResultOf(run.journal.state)?.prepared.find((guest) => guest.vm === vm.instanceUuid);
  return {
    times,
    guest: prepared && {
      strategy: 'vss-provider',
      writersBefore: prepared.writersBefore,
      volumes: prepared.volumes,
      freeze,
    },
    devices,
    snapshots: snapshots.filter(({ source }) => devices.includes(source)),
    capturedDiskUuids: vm.disks.map((disk) => disk.guestDiskUuid),
  };
}
