import type { DeviceId } from '../ports/identity.ts';
import type { DeviceState } from '../ports/storage-array.ts';
import { devicesOf, type Plan } from './plan.ts';
import type { Run } from './step.ts';

/**
 * Which of the run's targets still are the devices its journal means. A target that shows the run's own snapshot is; one that
 * does not is only if it is the same device (WWN), unlinked, and still in the pool. Device ids are given out again, targets serve
 * the next run, and a journal may come back from a backup: the others are told and left alone.
 */
export async function stillOurs(
  run: Run,
  targets: readonly DeviceId[],
  signal: AbortSignal,
): Promise<readonly DeviceId[]> {
  const { plan, array, ports } = run;
  const found = await array.findSnapshots({ name: plan.snapshotName, devices: devicesOf(plan) }, signal);
  const linked = new Set(found.flatMap(({ linkedTargets }) => linkedTargets.map(({ target }) => target)));
  const unlinked = targets.filter((target) => !linked.has(target));
  if (unlinked.length === 0) return targets;
  let states = await array.inspect(unlinked, signal);
  if (unlinked.some((target, index) => mayBeOwnLink(plan, target, states[index]))) {
    await ports.clock.sleep(plan.spec.limits.settleMs, signal);
    states = await array.inspect(unlinked, signal);
  }
  const reused = new Set<DeviceId>();
  unlinked.forEach((target, index) => {
    const because = whyReused(plan, target, states[index]);
    if (because === undefined) return;
    reused.add(target);
    ports.reporter.warn('a target is not the device of this run any more and is left alone', {
      run: plan.runId,
      target,
      because,
    });
  });
  return targets.filter((target) => !reused.has(target));
}

/** A link of the run that is gone by now may still be shown for a while. */
const mayBeOwnLink = ({ devices }: Plan, target: DeviceId, state: DeviceState | undefined): boolean =>
  state?.linkSource !== undefined &&
  devices.some(({ device, target: own }) => own === target && device === state.linkSource);

function whyReused(plan: Plan, target: DeviceId, state: DeviceState | undefined): string | undefined {
  const planned = plan.devices.find((device) => device.target === target);
  if (state === undefined) return 'the array has no such device any more';
  if (state.effectiveWwn !== planned?.targetWwn) return `its WWN is ${state.effectiveWwn ?? 'none'} now`;
  if (state.linkSource === 'unknown') return "it shows a snapshot that is not this run's";
  if (state.linkSource !== undefined)
    return `it shows a snapshot of device "${state.linkSource}" that is not this run's`;
  const isInPool = state.storageGroups.some((group) => isSameGroup(group, plan.spec.targetPool));
  return isInPool ? undefined : `it is no member of pool "${plan.spec.targetPool}" any more`;
}

/** Names of storage groups keep their case and are the same in any case. */
export const isSameGroup = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
