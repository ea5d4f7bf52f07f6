import { devicesOf, targetsOf } from '../plan.ts';
import type { Run, Step } from '../step.ts';

/**
 * Effect, where the array takes snapshots by storage group: a temporary group of exactly the devices to snap. Made before any guest is
 * prepared, so that the window has one request here too. Its undo also removes the group of the targets, which `link` makes.
 */
export const groupStep: Step<undefined> = {
  name: 'group',
  repeatable: true,
  settles: true,

  async do(run, signal) {
    await run.array.makeSnapshotGroup({ name: run.plan.snapshotName, devices: devicesOf(run.plan) }, signal);
  },

  // Making again what is there already is success, so "not done" is always a safe answer.
  async probe() {
    return { found: 'not-done' };
  },

  undo: removeGroups,
};

/** Groups that somebody else uses by now are left to them, and told. */
export async function removeGroups(run: Run, signal: AbortSignal): Promise<void> {
  const { plan, array, ports } = run;
  const request = { name: plan.snapshotName, devices: devicesOf(plan), targets: targetsOf(plan) };
  for (const { group, why } of await array.removeSnapshotGroups(request, signal)) {
    ports.reporter.warn('a storage group is not as this run made it and is left alone', {
      run: plan.runId,
      group,
      because: why,
    });
  }
}

/** Does the plan's array need it? Other arrays name devices, and on the route `managed` the array takes no snapshot. */
export const needsGroup = ({ plan }: Pick<Run, 'plan'>): boolean =>
  plan.managed === undefined && plan.array.snapVxApi === 'storage-group';
