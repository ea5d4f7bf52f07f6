import type { InstanceUuid } from '../../ports/identity.ts';
import { backupEndOf } from '../backup-end.ts';
import type { PlannedVm } from '../plan.ts';
import type { GuestsResult } from '../results.ts';
import type { GuestSession } from '../run-state.ts';
import type { Run, Step } from '../step.ts';

/** Beyond what limits and scripts may take: the look at vCenter before the window, and warming the array. */
const SPARE_MS = 30_000;

/**
 * Effect: an open session in every guest that is to be frozen, shadow copies where these hold what stood still, and quiet applications
 * where scripts make them so. They are told when all guests are ready, so that none waits for a guest that is slow to answer. Nothing is frozen yet.
 */
export const guestsStep: Step<GuestsResult> = {
  name: 'guests',
  repeatable: false,
  settles: false,

  async do(run, signal) {
    const toFreeze = run.plan.vms.filter(({ freeze }) => freeze !== 'none' && freeze !== 'vmware-tools');
    await allDone(toFreeze.map((vm) => prepareGuest(run, vm, signal)));
    const open = [...run.openGuests];
    const slowestMs = Math.max(0, ...open.map(([, { scriptLimitMs }]) => scriptLimitMs));
    const freezeWithinMs = slowestMs + run.plan.spec.limits.freezeMs + SPARE_MS;
    const quietAll = (guests: typeof open) =>
      allDone(guests.map(async ([vm, guest]) => ({ vm, guest: await guest.quiet({ freezeWithinMs }, signal) })));
    // Shadow copies take as long as they take: they come first, and no application is kept quiet for them.
    const makesCopies = ([uuid]: (typeof open)[number]) =>
      run.plan.vms.some((vm) => vm.instanceUuid === uuid && vm.freeze === 'vss-diskshadow');
    const copied = await quietAll(open.filter(makesCopies));
    return { prepared: [...copied, ...(await quietAll(open.filter((guest) => !makesCopies(guest))))] };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const closed = await closeOpenGuests(run);
    // Sessions of a process that is gone, or whose end was not confirmed: ended by their journaled identity, each on its own.
    const left = run.journal.state.sessions.filter(({ vm }) => !closed.has(vm));
    const vms = [...new Set(left.map(({ vm }) => vm))];
    const newestFirst = (uuid: InstanceUuid) => left.filter(({ vm }) => vm === uuid).reverse();
    await allDone(vms.map((vm) => endSessions(run, newestFirst(vm), signal)));
  },
};

/** Ends the sessions that this process has; never throws. Resolves to the VMs whose guest confirmed it. */
export async function closeOpenGuests({ openGuests }: Run): Promise<ReadonlySet<InstanceUuid>> {
  const open = [...openGuests];
  openGuests.clear();
  const ends = await Promise.all(open.map(async ([vm, guest]) => ({ vm, end: await guest.close() })));
  return new Set(ends.filter(({ end }) => end === 'closed').map(({ vm }) => vm));
}

/** Waits for all of them, and throws the first failure only then. */
async function allDone<Result>(works: readonly Promise<Result>[]): Promise<readonly Result[]> {
  const ends = await Promise.allSettled(works);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
}

/** By then a Windows guest has ended helper and shell by itself: its hold lasts seconds, the idle time of a shell is 180 s. */
const SESSION_LIFE_MS = 15 * 60_000;

/** A VM that was deleted must not keep its run open for ever. Until then every hook of the job, and reap, tells of it. */
const GIVE_UP_MS = 24 * 3_600_000;

/**
 * What one guest was left with, one record after the other: two may tell of the same thing, and whoever removes what another is just removing
 * fails. Each is tried, and the first failure is thrown.
 */
async function endSessions(run: Run, sessions: readonly GuestSession[], signal: AbortSignal): Promise<void> {
  const errors: unknown[] = [];
  for (const session of sessions) await endSession(run, session, signal).catch((error) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

async function endSession(run: Run, { vm: uuid, resume, since }: GuestSession, signal: AbortSignal): Promise<void> {
  const vm = run.plan.vms.find(({ instanceUuid }) => instanceUuid === uuid);
  if (!vm) return;
  // Not even looked for: by now another VM may have the address, and would be shown our credentials. A Linux guest proves who it is
  // by its host key first, and the session of another boot is never taken for this one: how old it is does not matter. Nor does it for
  // shadow copies, which stay until somebody removes them.
  const age = run.ports.clock.now().getTime() - since.getTime();
  const endsByItself = vm.freeze === 'vss-provider';
  if (endsByItself && age >= SESSION_LIFE_MS) return;
  try {
    const { unseenThaw: mayStandStill } = run.journal.state;
    await run.ports.guests.closeLeftover(vm, { resume, mayStandStill }, signal);
  } catch (error) {
    if (endsByItself || age < GIVE_UP_MS) throw error;
    const told =
      vm.freeze === 'linux-fsfreeze'
        ? 'the session in a guest was never found again and is given up; if the VM still runs, see whether it writes'
        : 'a guest was never found again and is given up; if the VM still runs, see which shadow copies it has: vssadmin list shadows';
    run.ports.reporter.warn(told, { vm: vm.name, error: String(error) });
  }
}

async function prepareGuest(run: Run, vm: PlannedVm, signal: AbortSignal): Promise<void> {
  const { freeze: strategy, hold } = vm;
  const way = strategy === 'none' || strategy === 'vmware-tools' ? undefined : { strategy, ...(hold && { hold }) };
  const guest = run.ports.guests.open(vm, way);
  run.openGuests.set(vm.instanceUuid, guest);
  const request = {
    runId: run.plan.runId,
    backupEnd: backupEndOf(run.plan, vm),
    diskUuids: vm.disks.flatMap(({ guestDiskUuid }) => (guestDiskUuid === undefined ? [] : [guestDiskUuid])),
    onSession: (resume: Readonly<Record<string, string>>) =>
      run.journal.append({ kind: 'session', data: { vm: vm.instanceUuid, resume } }),
  };
  await guest.prepare(request, signal);
}
