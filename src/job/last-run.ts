import { type ArrayId, type DeviceId, runId } from '../ports/identity.ts';
import type { Creation } from './journal-records.ts';
import { startOfRun } from './names.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';

/** More closed runs than that are not looked through. */
const LOOK_BACK_RUNS = 200;
/** What a run began longer ago has taken effect by now, or never will. */
const UNSEEN_FOR_MS = 15 * 60_000;

/**
 * Which target each source had in the newest closed run of the job on this machine that had any. A wish, no more: what cannot be read
 * costs nothing but the wish.
 */
export async function lastTargets(
  ports: JobPorts,
  job: string,
  array: ArrayId,
): Promise<ReadonlyMap<DeviceId, DeviceId>> {
  try {
    for (const { runId: id } of (await ports.journals.closedRuns(LOOK_BACK_RUNS)).filter((run) => run.job === job)) {
      const { plan } = (await readJournal(ports, id)).state;
      if (!plan || plan.devices.length === 0) continue;
      return plan.arrayId === array ? new Map(plan.devices.map(({ device, target }) => [device, target])) : new Map();
    }
  } catch {
    // Any target will do.
  }
  return new Map();
}

/** Targets that closed runs of this machine began to make in the pool a moment ago and did not see: they may be shown any moment. */
export async function unseenCreations(
  ports: JobPorts,
  pool: Pick<Creation, 'array' | 'storageGroup'>,
): Promise<readonly Creation[]> {
  const nowMs = ports.clock.now().getTime();
  const isYoung = ({ runId: id }: { readonly runId: string }) =>
    Math.abs(nowMs - startOfRun(runId(id)).getTime()) < UNSEEN_FOR_MS;
  const creations: Creation[] = [];
  for (const { runId: id } of (await ports.journals.closedRuns(LOOK_BACK_RUNS)).filter(isYoung)) {
    const creation = await readJournal(ports, id).then(
      ({ state }) => state.creation,
      () => undefined,
    );
    if (creation?.array === pool.array && creation.storageGroup === pool.storageGroup) creations.push(creation);
  }
  return creations;
}
