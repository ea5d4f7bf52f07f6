import type { Run } from '../../src/job/step.ts';

const never = new AbortController().signal;

/** What a script does: freezes guest after guest, takes a snapshot of each device by itself, and thaws when all is done. */
export async function naiveWindow({ plan, ports, array, openGuests }: Run): Promise<number> {
  const startedMs = ports.clock.monotonicMs();
  try {
    for (const guest of openGuests.values()) await guest.freeze(never);
    for (const { device } of plan.devices) {
      const request = { name: plan.snapshotName, devices: [device], timeToLiveHours: plan.spec.timeToLiveHours };
      await array.establish(request, never);
    }
  } finally {
    for (const guest of openGuests.values()) await guest.thaw(never);
  }
  return ports.clock.monotonicMs() - startedMs;
}
