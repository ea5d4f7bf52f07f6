import type { EstablishTime } from '../ports/establish-times.ts';

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

/** An array takes longer for more devices: snapshots of so many times more or fewer tell nothing, where there are others. */
const ALIKE = 4;

/** Of the next snapshot of so many devices; absent: of any. Undefined: nothing was ever measured. */
export function forecastOf(times: readonly EstablishTime[], devices?: number): EstablishForecast | undefined {
  const isAlike = (time: EstablishTime) =>
    devices === undefined || (time.devices <= devices * ALIKE && devices <= time.devices * ALIKE);
  const alike = times.filter(isAlike);
  const latest = (alike.length > 0 ? alike : times).slice(-LATEST);
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

/** For people, such as `1.2 s`. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
