import type { InstanceUuid } from '../ports/identity.ts';
import type { Run } from './step.ts';
import { guestsResultOf } from './step-results.ts';

/** Every guest holds for as long as this and the way back. */
const LEAST_MS = 8_000;
/** Kept of a lease for the release: an answer that comes later finds the guest writing again. */
const WAY_BACK_MS = 2_000;

/** How long an answer is waited for where guests stand still for it, of which the first lets go after `leaseMs`. `establishMs`: as the job says. */
export const patienceMs = (leaseMs: number, establishMs: number | undefined): number =>
  establishMs ?? Math.max(LEAST_MS, leaseMs - WAY_BACK_MS);

/**
 * How long the answer to an establish is waited for: as the job says, else for as long as the guests hold that stand still for it. Where
 * none does, the array may take its time, as a guest may for its freeze.
 */
export function establishLimitMs(
  { plan, journal }: Pick<Run, 'plan' | 'journal'>,
  vms: readonly InstanceUuid[],
): number {
  const { establishMs, freezeMs } = plan.spec.limits;
  if (establishMs !== undefined) return establishMs;
  const leases = (guestsResultOf(journal.state)?.prepared ?? [])
    .filter(({ vm, guest }) => vms.includes(vm) && guest.leaseMs > 0)
    .map(({ guest }) => guest.leaseMs);
  return leases.length === 0 ? freezeMs : patienceMs(Math.min(...leases), establishMs);
}
