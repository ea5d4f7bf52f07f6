import { SnaphookError } from '../../ports/errors.ts';
import type { DatastoreOnDevices, HostStorage, VmOnDatastore } from '../../ports/host-storage.ts';
import { nextLookMs } from '../../ports/polling.ts';
import { mayHaveMounts } from '../image-checks.ts';
import { type MountedClonePlan, type Plan, targetsOf, targetWwnsOf } from '../plan.ts';
import { stillOurs } from '../reused-targets.ts';
import type { Run } from '../step.ts';

export function cloneOf({ clone }: Plan): MountedClonePlan {
  if (!clone || clone.by === 'vcenter') throw new TypeError('a step of clones in a plan of another kind');
  return clone;
}

/** How an ESXi host names the targets of the plan. */
export const targetNamesOf = (plan: Plan): readonly string[] => targetWwnsOf(plan).map((wwn) => `naa.${wwn}`);

/**
 * While this machine has file systems of the targets mounted or exposes them, or an ESXi host has the copy mounted, its devices must not
 * be taken away: it would go on asking for them (all paths down), and whatever runs on it would hang.
 */
export function refuseWhileMounted(run: Run): void {
  const { plan, journal } = run;
  const { datastore, mount, expose } = journal.state.steps;
  if ([mount, expose].some(({ at }) => at !== 'untouched' && at !== 'undone') || mayHaveMounts(run)) {
    throw new SnaphookError('E_LEFTOVERS', 'targets may still be mounted or exposed on the proxy', {
      hint: 'They are taken away when nothing of them is. See the first error of this run.',
    });
  }
  const { at } = datastore;
  if (plan.clone === undefined || at === 'untouched' || at === 'undone') return;
  throw new SnaphookError('E_LEFTOVERS', `ESXi host "${plan.clone.host.name}" may have the copied datastore mounted`, {
    hint: 'Its devices are taken away when it is unmounted and detached. See the first error of this run.',
  });
}

/**
 * False when another run has all the targets by now: nothing that is found on them is this run's then. That is told. When only some
 * of them are another's, a datastore of this run may still lie on the rest: nobody but a person can say what is to be done.
 */
export async function hasItsTargets(run: Run, signal: AbortSignal): Promise<boolean> {
  const targets = targetsOf(run.plan);
  const ours = await stillOurs(run, targets, signal);
  if (ours.length === 0 || ours.length === targets.length) return ours.length > 0;
  const others = targets.filter((target) => !ours.includes(target)).join(', ');
  throw new SnaphookError('E_LEFTOVERS', `target ${others} of run "${run.plan.runId}" is not the device it was`, {
    hint: 'Look at the datastore on the other targets in vCenter. Unmount it and detach them there, if nothing needs it.',
  });
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
export function registeredOn({ name, vms }: DatastoreOnDevices, plan: Plan): VmOnDatastore | undefined {
  const path = `[${name}] ${cloneOf(plan).configFile}`;
  return vms.find(({ vmPathName }) => vmPathName === path);
}

export async function findRegistered(
  run: Pick<Run, 'plan'>,
  storage: HostStorage,
  signal: AbortSignal,
): Promise<VmOnDatastore | undefined> {
  const copy = await findCopy(run, storage, signal);
  return copy && registeredOn(copy, run.plan);
}

/** Looks again while vCenter may be behind the host: undefined when it never shows it. */
export async function whenShown<Found>(
  { ports, plan }: Run,
  look: () => Promise<Found | undefined>,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const { clock } = ports;
  const sinceMs = clock.monotonicMs();
  for (;;) {
    const found = await look();
    const waitedMs = clock.monotonicMs() - sinceMs;
    const pauseMs = nextLookMs(waitedMs);
    if (found !== undefined || waitedMs + pauseMs > plan.spec.limits.settleMs) return found;
    await clock.sleep(pauseMs, signal);
  }
}

/** Nothing is taken away from under a VM that runs; a suspended one would wake up to disks that are gone. */
export function refuseRunning({ name, poweredOff }: VmOnDatastore): void {
  if (poweredOff) return;
  throw new SnaphookError('E_CLONE_IN_USE', `clone "${name}" is not powered off`, {
    hint: 'Shut it down in vCenter, or move it to another datastore to keep it; then run `snaphook clone delete` again.',
  });
}

/** Whoever else has files there registered a copy of a neighbour, or uses a disk of the clone. */
export function refuseOthers({ name, vms }: DatastoreOnDevices, except: VmOnDatastore | undefined): void {
  const others = vms.filter((vm) => vm !== except);
  if (others.length === 0) return;
  const names = others.map((vm) => `"${vm.name}"`).join(', ');
  throw new SnaphookError('E_CLONE_IN_USE', `datastore "${name}" also holds files of VM ${names}`, {
    hint: 'Take these VMs out of the inventory, or move them to another datastore; then run `snaphook clone delete` again.',
  });
}
