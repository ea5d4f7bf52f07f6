import { presentedTargetsOf } from '../plan.ts';
import { stillOurs } from '../reused-targets.ts';
import type { Step } from '../step.ts';
import { refuseWhileMounted } from './mounted-copy.ts';

export interface PresentResult {
  readonly added: readonly string[];
}

/** Effect: targets that the proxy does not see yet are members of the presented storage group. */
export const presentStep: Step<PresentResult> = {
  name: 'present',
  repeatable: true,
  settles: true,

  async do(run, signal) {
    const { presentGroup } = run.plan.spec;
    const targets = presentedTargetsOf(run.plan);
    if (presentGroup !== undefined && targets.length > 0) {
      await run.array.addToStorageGroup({ storageGroup: presentGroup, devices: targets }, signal);
    }
    return { added: targets };
  },

  // Adding again what is there already is success, so "not done" is always a safe answer.
  async probe() {
    return { found: 'not-done' };
  },

  async undo(run, signal) {
    refuseWhileMounted(run);
    const { presentGroup } = run.plan.spec;
    const planned = presentedTargetsOf(run.plan);
    if (presentGroup === undefined || planned.length === 0) return;
    const devices = await stillOurs(run, planned, signal);
    if (devices.length > 0) await run.array.removeFromStorageGroup({ storageGroup: presentGroup, devices }, signal);
  },
};
