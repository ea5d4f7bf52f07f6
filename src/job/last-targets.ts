import type { ArrayId, DeviceId } from '../ports/identity.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';

/** More closed runs than that are not looked through for one of the job. */
const LOOK_BACK_RUNS = 200;

/**
 * Which target each source had in the newest closed run of the job, as its journal tells. A wish, no more: what cannot be read
 * costs nothing but the wish.
 */
export async function lastTargets(
  ports: JobPorts,
  job: string,
  array: ArrayId,
): Promise<ReadonlyMap<DeviceId, DeviceId>> {
  try {
    const last = (await ports.journals.closedRuns(LOOK_BACK_RUNS)).find((run) => run.job === job);
    const plan = last && (await readJournal(ports, last.runId)).state.plan;
    if (plan?.arrayId !== array) return new Map();
    return new Map(plan.devices.map(({ device, target }) => [device, target]));
  } catch {
    return new Map();
  }
}
