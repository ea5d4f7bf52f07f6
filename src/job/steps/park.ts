import type { EndedBackup } from '../../ports/guest.ts';
import type { InstanceUuid } from '../../ports/identity.ts';
import { withinLimit } from '../deadline.ts';
import type { ParkedGuest, Parking } from '../journal-records.ts';
import type { CaptureResult } from '../results.ts';
import type { Run, Step } from '../step.ts';

/** Guests wait with a full backup no longer than this, whatever the job says. */
const MAX_HOURS = 168;

/** A guest that cannot be asked keeps no run open for longer: its own hours end what it waits with, and nothing is dropped then. */
const GIVE_UP_MS = 3_600_000;

/** The full backups that this capture leaves to its guests; undefined: there is none. */
export function parkingOf({ plan }: Run, capture: CaptureResult): Parking | undefined {
  const guests = capture.vms.flatMap(({ vm, grade, evidence: { guest } }): readonly ParkedGuest[] => {
    const prepared = guest?.prepared;
    const isFull = prepared?.strategy === 'vss-provider' && prepared.backupType === 'full';
    if (!isFull || !guest?.freeze?.finished) return [];
    return [{ vm, bootId: prepared.bootId, isGood: grade === 'application' }];
  });
  return guests.length === 0 ? undefined : { guests, hours: Math.min(plan.spec.timeToLiveHours, MAX_HOURS) };
}

/**
 * Effect: guests wait for the end of their full backups without us. It is undone by telling them: success where the post hook heard it
 * from the product and what was captured is consistent, failure in every other case.
 */
export const parkStep: Step<undefined> = {
  name: 'park',
  repeatable: false,
  settles: true,

  async do(run, signal) {
    const { parking } = run.journal.state;
    if (!parking) throw new Error('there is no full backup to leave');
    await Promise.all(parking.guests.map(({ vm }) => park(run, vm, parking.hours, signal)));
    return undefined;
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const { parking, backup } = run.journal.state;
    if (!parking) return;
    if (backup?.result !== 'success') {
      const why = backup?.result === 'failure' ? 'the backup has failed' : 'nobody said that the backup has succeeded';
      run.ports.reporter.warn(`full backups of guests are ended as failed, and no log is dropped: ${why}`);
    }
    const ends = await Promise.allSettled(parking.guests.map((guest) => endParked(run, guest, signal)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  },
};

async function park(
  { openGuests, plan, ports }: Run,
  vm: InstanceUuid,
  hours: number,
  signal: AbortSignal,
): Promise<void> {
  const guest = openGuests.get(vm);
  if (!guest?.park) throw new Error(`VM "${vm}" has no session that could leave a full backup`);
  const message = `guest "${guest.name}" did not confirm in time that it waits for the end of the backup`;
  const limit = { durationMs: plan.spec.limits.thawMs, code: 'E_GUEST_HELPER', message } as const;
  await withinLimit(ports.clock, limit, signal, async (limited) => guest.park?.(hours, limited));
}

async function endParked(run: Run, { vm: uuid, bootId, isGood }: ParkedGuest, signal: AbortSignal): Promise<void> {
  const { plan, ports, journal } = run;
  const vm = plan.vms.find(({ instanceUuid }) => instanceUuid === uuid);
  const said = journal.state.backup?.result === 'success';
  const success = said && isGood;
  const name = vm?.name ?? uuid;
  if (said && !isGood) {
    const told = 'the full backup of a guest is ended as failed: what was captured is not of grade application';
    ports.reporter.warn(told, { vm: name });
  }
  const { endBackup } = ports.guests;
  if (!vm || !endBackup) throw new TypeError('a full backup is parked that no guest of the plan has made');
  try {
    const backup = { runId: plan.runId, bootId, success };
    tellEnd(run, name, success, await endBackup(vm, backup, signal));
  } catch (error) {
    if (!isGivenUp(run)) throw error;
    const told = 'a guest cannot be told how its full backup ended, and is given up: it takes it for failed';
    ports.reporter.warn(told, { vm: name, error: String(error) });
  }
  await unpark(run, uuid);
}

function tellEnd({ ports: { reporter } }: Run, vm: string, success: boolean, end: EndedBackup): void {
  if (end.kind === 'lost') {
    const told = 'the guest has lost its full backup: unless it was told before, its applications dropped no log';
    if (success) reporter.warn(told, { vm });
    return;
  }
  for (const { name, hresult, required, remedy } of end.writers) {
    if (remedy && required) reporter.warn('a writer failed at the end of the backup', { vm, writer: name, hresult });
  }
  if (success) reporter.info('applications were told that their full backup has succeeded', { vm });
}

const isGivenUp = ({ ports, journal: { state } }: Run): boolean => {
  const since = state.backup?.since ?? state.parking?.since;
  return since !== undefined && ports.clock.now().getTime() - since.getTime() >= GIVE_UP_MS;
};

const unpark = ({ journal }: Run, vm: InstanceUuid): Promise<void> =>
  journal.append({ kind: 'unparked', data: { vm } });
