import { type ArrayId, type DeviceId, runId } from '../ports/identity.ts';
import type { Creation, RunState } from './journal.ts';
import { startOfRun } from './names.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';

/** More closed runs than that are not looked through for one of the job. */
const LOOK_BACK_RUNS = 200;
/** What began longer ago has taken effect by now, or never will. */
const UNSEEN_FOR_MS = 15 * 60_000;

interface LastRun {
  readonly began: Date;
  readonly state: RunState;
}

/** The newest closed run of the job on this machine. Nothing depends on it but wishes: what cannot be read is as if it were not there. */
async function lastRun(ports: JobPorts, job: string): Promise<LastRun | undefined> {
  try {
    const last = (await ports.journals.closedRuns(LOOK_BACK_RUNS)).find((run) => run.job === job);
    if (last === undefined) return undefined;
    return { began: startOfRun(runId(last.runId)), state: (await readJournal(ports, last.runId)).state };
  } catch {
    return undefined;
  }
}

/** Which target each source had in it. */
export async function lastTargets(
  ports: JobPorts,
  job: string,
  array: ArrayId,
): Promise<ReadonlyMap<DeviceId, DeviceId>> {
  const plan = (await lastRun(ports, job))?.state.plan;
  if (plan?.arrayId !== array) return new Map();
  return new Map(plan.devices.map(({ device, target }) => [device, target]));
}

/** Targets that it began to make in the pool a moment ago and did not see: they may be shown any moment. */
export async function unseenCreation(
  ports: JobPorts,
  job: string,
  pool: Pick<Creation, 'array' | 'storageGroup'>,
): Promise<Creation | undefined> {
  const last = await lastRun(ports, job);
  const creation = last?.state.creation;
  if (!last || creation?.array !== pool.array || creation.storageGroup !== pool.storageGroup) return undefined;
  return Math.abs(ports.clock.now().getTime() - last.began.getTime()) < UNSEEN_FOR_MS ? creation : undefined;
}
