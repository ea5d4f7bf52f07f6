import { SnaphookError } from '../../ports/errors.ts';
import type { DatastoreOnDevices, HostStorage, VmOnDatastore } from '../../ports/host-storage.ts';
import { type ClonePlan, type Plan, targetsOf, targetWwnsOf } from '../plan.ts';
import { stillOurs } from '../reused-targets.ts';
import type { Run } from '../step.ts';

export function cloneOf({ clone }: Plan): ClonePlan {
  if (!clone) throw new TypeError('a step of clones in a plan of another kind');
  return clone;
}

/** How an ESXi host names the targets of the plan. */
export const targetNamesOf = (plan: Plan): readonly string[] => targetWwnsOf(plan).map((wwn) => `naa.${wwn}`);

/**
 * While an ESXi host has the copy mounted, its devices must not be taken away: the host would go on asking for them (all paths
 * down), and whatever runs on it would hang.
 */
export function refuseWhileMounted({ plan, journal }: Run): void {
  const { at } = journal.state.steps.datastore;
  if (plan.clone === undefined || at === 'untouched' || at === 'undone') return;
  throw new SnaphookError('E_LEFTOVERS', `ESXi host "${plan.clone.host.name}" may have the copied datastore mounted`, {
    hint: 'Its devices are taken away when it is unmounted and detached. See the first error of this run.',
  });
}

/** False when another run, or somebody, has the targets by now: nothing that is found on them is this run's then. That is told. */
export async function hasItsTargets(run: Run, signal: AbortSignal): Promise<boolean> {
  const targets = targetsOf(run.plan);
  return (await stillOurs(run, targets, signal)).length === targets.length;
}

/** The datastore on the targets; undefined: none has been made of them. One that reaches beyond them is not as we made it. */
export async function findCopy(
  { plan }: Pick<Run, 'plan'>,
  storage: HostStorage,
  signal: AbortSignal,
): Promise<DatastoreOnDevices | undefined> {
  const ours = new Set(targetNamesOf(plan));
  const found = await storage.datastoresOn([...ours], signal);
  const [copy, ...others] = found;
  if (!copy) return undefined;
  if (others.length > 0 || copy.extents.length !== ours.size || copy.extents.some((extent) => !ours.has(extent))) {
    const names = found.map(({ name, extents }) => `"${name}" (${extents.join(', ')})`).join(', ');
    throw new SnaphookError(
      'E_DATASTORE_COPY',
      `the targets of run "${plan.runId}" hold ${names}, not one copy alone`,
      {
        hint: 'Somebody extended the datastore or used its devices. Look at it in vCenter; nothing was changed.',
      },
    );
  }
  return copy;
}

/** The VM of the configuration that was copied, whatever its name is by now; one that was moved away is not the run's any more. */
export async function findRegistered(
  run: Pick<Run, 'plan'>,
  storage: HostStorage,
  signal: AbortSignal,
): Promise<VmOnDatastore | undefined> {
  const copy = await findCopy(run, storage, signal);
  const path = `[${copy?.name}] ${cloneOf(run.plan).configFile}`;
  return copy?.vms.find(({ vmPathName }) => vmPathName === path);
}

/** Nothing is taken away from under a VM that runs; a suspended one would wake up to disks that are gone. */
export function refuseRunning({ name, poweredOff }: VmOnDatastore): void {
  if (poweredOff) return;
  throw new SnaphookError('E_CLONE_IN_USE', `clone "${name}" is not powered off`, {
    hint: 'Shut it down in vCenter, or move it to another datastore to keep it; then run `snaphook clone delete` again.',
  });
}
