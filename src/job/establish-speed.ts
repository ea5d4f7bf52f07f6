import { SnaphookError } from '../ports/errors.ts';
import type { EstablishTime, PointTaker } from '../ports/establish-times.ts';
import type { ArrayFacts } from '../ports/storage-array.ts';
import type { FreezeWindow } from './freeze-window.ts';
import { devicesOf } from './plan.ts';
import type { Run } from './step.ts';

/** Which of the array's interfaces takes the point in time. */
export const takerOf = ({ snapVxApi }: Pick<ArrayFacts, 'snapVxApi'>): PointTaker => snapVxApi ?? 'device-list';

/**
 * Remembers how long it took in a window that is over. That it cannot be remembered costs the run nothing. `taken`: who took the point in
 * time, where it was not the array.
 */
export async function rememberEstablish(
  run: Run,
  { times, establishError }: FreezeWindow,
  taken?: Pick<EstablishTime, 'by' | 'devices'>,
): Promise<void> {
  const { establishSentMs, establishConfirmedMs, thawSentMs } = times;
  const isLate = establishError instanceof SnaphookError && establishError.code === 'E_FREEZE_WINDOW';
  const endedMs = establishConfirmedMs ?? (isLate ? thawSentMs : undefined);
  // What was refused at once, or called off, tells nothing about the speed.
  if (establishSentMs === undefined || endedMs === undefined) return;
  const { clock, establishTimes, reporter } = run.ports;
  const array = run.array.id;
  try {
    await establishTimes.remember({
      array,
      ...(taken ?? { by: takerOf(run.plan.array), devices: devicesOf(run.plan).length }),
      tookMs: Math.round(endedMs - establishSentMs),
      answered: establishConfirmedMs !== undefined,
      at: clock.now().toISOString(),
    });
  } catch (error) {
    reporter.warn('the time of the establish was not remembered', { array, error: String(error) });
  }
}
