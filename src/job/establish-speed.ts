import { SnaphookError } from '../ports/errors.ts';
import type { FreezeWindow } from './freeze-window.ts';
import { devicesOf } from './plan.ts';
import type { Run } from './step.ts';

/** Remembers how long the array took in a window that is over. That it cannot be remembered costs the run nothing. */
export async function rememberEstablish(run: Run, { times, establishError }: FreezeWindow): Promise<void> {
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
      snapVxApi: run.plan.array.snapVxApi ?? 'device-list',
      devices: devicesOf(run.plan).length,
      tookMs: Math.round(endedMs - establishSentMs),
      answered: establishConfirmedMs !== undefined,
      at: clock.now().toISOString(),
    });
  } catch (error) {
    reporter.warn('the time of the establish was not remembered', { array, error: String(error) });
  }
}
