import { SnaphookError } from '../ports/errors.ts';
import type { EstablishTime } from '../ports/establish-times.ts';
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

/** How long an establish must be expected to take, by what was seen. */
export interface EstablishForecast {
  /** So many times were looked at. */
  readonly measured: number;
  readonly fastestMs: number;
  readonly slowestMs: number;
  /** The slowest was given up, so it would have taken longer. */
  readonly gaveUp: boolean;
  readonly expectedMs: number;
}

/** An array is as slow today as lately, not as a year ago. */
const LATEST = 20;
/** On top of the slowest: it was seen in a few samples, and the next one may meet a busier array. */
const HEADROOM = 1.5;

/** Undefined: nothing was ever measured. */
export function forecastOf(times: readonly EstablishTime[]): EstablishForecast | undefined {
  const latest = times.slice(-LATEST);
  const slowest = latest.reduce<EstablishTime | undefined>(
    (slower, time) => (slower && slower.tookMs >= time.tookMs ? slower : time),
    undefined,
  );
  if (!slowest) return undefined;
  return {
    measured: latest.length,
    fastestMs: Math.min(...latest.map(({ tookMs }) => tookMs)),
    slowestMs: slowest.tookMs,
    gaveUp: !slowest.answered,
    expectedMs: Math.ceil(slowest.tookMs * HEADROOM),
  };
}
