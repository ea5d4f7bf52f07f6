import { type EstablishForecast, seconds } from './establish-forecast.ts';
import { patienceMs } from './establish-limit.ts';
import type { JobSpec } from './job-spec.ts';
import type { PlannedVm } from './plan.ts';

/** All guests of one array snapshot stand still together: the first that lets go decides how long the array is waited for. */
export interface SharedWindow {
  readonly patienceMs: number;
  readonly first: { readonly name: string; readonly leaseMs: number };
  /** So many guests are held. */
  readonly held: number;
}

/** Undefined where nothing is held. */
export function sharedWindowOf(
  vms: readonly Pick<PlannedVm, 'name' | 'leaseMs'>[],
  { limits }: Pick<JobSpec, 'limits'>,
): SharedWindow | undefined {
  const held = vms.flatMap(({ name, leaseMs }) => (leaseMs === undefined ? [] : [{ name, leaseMs }]));
  const [first] = [...held].sort((one, other) => one.leaseMs - other.leaseMs);
  return first && { patienceMs: patienceMs(first.leaseMs, limits.establishMs), first, held: held.length };
}

/** What one guest that lets go early costs the others; undefined when it costs them nothing. */
export function sharedWindowWarning(
  window: SharedWindow | undefined,
  forecast: EstablishForecast | undefined,
): string | undefined {
  if (!window || !forecast || window.held < 2 || forecast.expectedMs <= window.patienceMs) return undefined;
  return (
    `the array is waited for ${seconds(window.patienceMs)} for all ${window.held} guests that are held, and that of VM "${window.first.name}" lets go ` +
    `after ${seconds(window.first.leaseMs)}: that is probably too short for every one of them. Give slow guests a job of their own, or set limits.establishSeconds`
  );
}
