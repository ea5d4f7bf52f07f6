import { SnaphookError } from '../../ports/errors.ts';
import { nextLookMs } from '../../ports/polling.ts';
import type { RestoreState, SnapshotOn } from '../../ports/storage-array.ts';
import { devicesOf, type Plan } from '../plan.ts';
import type { RestoreResult } from '../results.ts';
import { requireStandstill } from '../standstill.ts';
import type { Run, Step } from '../step.ts';
import { whileVmsAreOurs } from '../vm-locks.ts';

/**
 * Effect: the devices hold what the kept snapshot has of them, and a restore session. Undone is the session alone: what they held
 * before is gone. So who undoes it goes forward where the array has begun, and does nothing where it has not. The snapshot stays.
 */
export const restoreStep: Step<RestoreResult> = {
  name: 'restore',
  repeatable: true,
  settles: true,

  async do(run, signal) {
    await requireStandstill(run.ports, run.plan.vms, signal);
    await restoreRest(run, signal);
    return { devices: devicesOf(run.plan) };
  },

  // What was begun is waited for, and what is missing may be asked for again: nothing else writes to these devices.
  async probe(run, signal) {
    await run.ports.clock.sleep(run.plan.spec.limits.settleMs, signal);
    const states = await statesOf(run, signal);
    if (states.some((state) => state === 'none')) return { found: 'not-done' };
    await whenWrittenBack(run, signal);
    return { found: 'done', result: { devices: devicesOf(run.plan) } };
  },

  async undo(run, signal) {
    const { plan, ports, journal } = run;
    if (journal.state.steps.restore.at !== 'done') {
      const { lockWaitMs } = plan.spec.limits;
      const work = (held: AbortSignal) => bringToEnd(run, held);
      if (!(await whileVmsAreOurs(ports, plan.vms, lockWaitMs, signal, work))) return;
    }
    await run.array.endRestore(snapshotOf(plan), signal);
    const left = (await statesOf(run, signal)).filter((state) => state !== 'none').length;
    if (left === 0) return;
    throw new SnaphookError(
      'E_LEFTOVERS',
      `${left} device(s) of array "${run.array.id}" still have a restore session`,
      {
        hint: `Run \`snaphook reap --apply\`, or end the restore of snapshot "${plan.snapshotName}" in Unisphere.`,
      },
    );
  },
};

/** Goes forward where the array has begun. False: it has not, and nothing was done. */
async function bringToEnd(run: Run, signal: AbortSignal): Promise<boolean> {
  const { plan, ports, journal } = run;
  const states = await statesOf(run, signal);
  const begun = states.filter((state) => state !== 'none').length;
  if (begun === 0) {
    ports.reporter.warn('the array writes nothing back; the disks are taken for as they were', vmsOf(plan));
    return false;
  }
  // Some disks of another time than the others: nothing could be started from them.
  if (begun < states.length) await requireStandstill(ports, plan.vms, signal);
  await restoreRest(run, signal);
  // From now on a device without a session is one whose session was ended.
  await journal.append({ kind: 'done', data: { step: 'restore', result: { devices: devicesOf(plan) } } });
  ports.reporter.warn('an interrupted revert was brought to its end: the VMs are reverted', vmsOf(plan));
  return true;
}

const vmsOf = ({ vms }: Plan) => ({ vms: vms.map(({ name }) => name).join(', ') });

const snapshotOf = (plan: Plan, devices = devicesOf(plan)): SnapshotOn => ({
  name: plan.snapshotName,
  snapId: plan.borrowed?.capture.snapId,
  devices,
});

const statesOf = ({ array, plan }: Run, signal: AbortSignal): Promise<readonly RestoreState[]> =>
  array.restoreStates(snapshotOf(plan), signal);

/** Asks for the devices that are not being written back, and waits for all. */
async function restoreRest(run: Run, signal: AbortSignal): Promise<void> {
  const states = await statesOf(run, signal);
  const missing = devicesOf(run.plan).filter((_, index) => states[index] === 'none');
  if (missing.length > 0) await run.array.restore(snapshotOf(run.plan, missing), signal);
  await whenWrittenBack(run, signal);
}

/** A session cannot be ended before. The signal ends the wait: an array may copy for hours. */
async function whenWrittenBack({ array, plan, ports: { clock } }: Run, signal: AbortSignal): Promise<void> {
  const sinceMs = clock.monotonicMs();
  for (;;) {
    const states = await array.restoreStates(snapshotOf(plan), signal);
    if (states.every((state) => state === 'restored')) return;
    const waitedMs = clock.monotonicMs() - sinceMs;
    if (waitedMs > plan.spec.limits.settleMs && states.includes('none')) {
      throw new SnaphookError(
        'E_ARRAY',
        `array was told to write back snapshot "${plan.snapshotName}", and does not show it`,
        {
          hint: 'Look at the restore sessions of the devices in Unisphere: somebody may have ended one.',
          effect: 'unknown',
        },
      );
    }
    await clock.sleep(nextLookMs(waitedMs), signal);
  }
}
