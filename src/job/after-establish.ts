import { nextLookMs } from '../ports/polling.ts';
import type { SnapshotOfDevice } from '../ports/storage-array.ts';
import { devicesOf } from './plan.ts';
import type { Run } from './step.ts';

/**
 * What the array shows of the run's snapshot. An establish that was not answered may take effect until it is settled: it is looked for
 * as long, on all devices, since a view may show one sooner than another. Throws `establishError` when there is none then.
 */
export async function findAfterEstablish(
  { plan, array, ports: { clock } }: Pick<Run, 'plan' | 'array' | 'ports'>,
  establishError: unknown,
  signal: AbortSignal,
): Promise<readonly SnapshotOfDevice[]> {
  const { settleMs } = plan.spec.limits;
  const devices = devicesOf(plan);
  const sinceMs = clock.monotonicMs();
  for (;;) {
    const waitedMs = clock.monotonicMs() - sinceMs;
    const found = await array.findSnapshots({ name: plan.snapshotName, devices }, signal);
    const isWhole = devices.every((device) => found.some(({ source }) => source === device));
    if (establishError === undefined || isWhole) return found;
    if (waitedMs >= settleMs) {
      if (found.length === 0) throw establishError;
      return found;
    }
    const lookMs = clock.monotonicMs() - sinceMs - waitedMs;
    const leftMs = settleMs - waitedMs - lookMs;
    await clock.sleep(Math.max(0, Math.min(nextLookMs(waitedMs + lookMs, lookMs), leftMs)), signal);
  }
}
