import type { GuestSession } from '../journal.ts';
import type { PlannedVm } from '../plan.ts';
import type { GuestsResult, PreparedVm } from '../results.ts';
import type { Run, Step } from '../step.ts';

/** Effect: an open session with the freeze helper in every guest that is to be frozen. Nothing is frozen yet. */
export const guestsStep: Step<GuestsResult> = {
  name: 'guests',
  repeatable: false,
  settles: false,

  async do(run, signal) {
    const toFreeze = run.plan.vms.filter(({ freeze }) => freeze !== 'none');
    const prepared = await Promise.allSettled(toFreeze.map((vm) => prepareGuest(run, vm, signal)));
    const failed = prepared.find((result) => result.status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    return { prepared: prepared.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])) };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const open = [...run.openGuests];
    run.openGuests.clear();
    const ends = await Promise.all(open.map(async ([vm, guest]) => ({ vm, end: await guest.close() })));
    const closed = new Set(ends.filter(({ end }) => end === 'closed').map(({ vm }) => vm));
    // Sessions of a process that is gone, or whose end was not confirmed: ended by their journaled identity, each on its own.
    const left = run.journal.state.sessions.filter(({ vm }) => !closed.has(vm));
    const endings = await Promise.allSettled(left.map((session) => endSession(run, session, signal)));
    const failed = endings.find((ending) => ending.status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  },
};

/** By then a guest has ended helper and shell by itself, whatever their settings: leases are seconds, the idle time of a shell is 180 s. */
const SESSION_LIFE_MS = 15 * 60_000;

async function endSession(run: Run, { vm: uuid, resume, since }: GuestSession, signal: AbortSignal): Promise<void> {
  const vm = run.plan.vms.find(({ instanceUuid }) => instanceUuid === uuid);
  if (!vm) return;
  // Not even looked for: by now another VM may have the address, and would be shown our credentials.
  if (run.ports.clock.now().getTime() - since.getTime() >= SESSION_LIFE_MS) return;
  await run.ports.guests.closeLeftover({ name: vm.name, address: vm.address }, resume, signal);
}

async function prepareGuest(run: Run, vm: PlannedVm, signal: AbortSignal): Promise<PreparedVm> {
  const guest = run.ports.guests.open({ name: vm.name, address: vm.address });
  run.openGuests.set(vm.instanceUuid, guest);
  const prepared = await guest.prepare(
    {
      runId: run.plan.runId,
      diskUuids: vm.disks.flatMap(({ guestDiskUuid }) => (guestDiskUuid === undefined ? [] : [guestDiskUuid])),
      onSession: (resume) => run.journal.append({ kind: 'session', data: { vm: vm.instanceUuid, resume } }),
    },
    signal,
  );
  return { vm: vm.instanceUuid, guest: prepared };
}
