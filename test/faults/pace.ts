import { systemClock } from '../../src/platform/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';

/** Factor of the lab's own delays: the Windows guest's lease of 9 s becomes 450 ms. */
export const PACE = 0.05;
/** Factor of the waits of the Windows adapter. */
export const WINDOWS_WAITS = 0.3;
/** Long enough for a second connection to find the guest still frozen, also on a busy machine. */
export const LINUX_LEASE_SECONDS = 40;
/** The script or plug-in of a guest waits for the end of a transaction: 3 s in the lab. */
export const SCRIPT_SECONDS = 60;
/** Where a hook is a process of its own, which meets nothing but its death: as long as a configuration may say. */
export const CALM_SCRIPT_SECONDS = 300;

/** How long a guest holds at most, in the lab's time. */
export const LEASE_MS = { windows: 9000 * PACE, linux: LINUX_LEASE_SECONDS * 1000 * PACE } as const;
/** A shell nobody calls ends after 180 s. */
export const SHELL_IDLE_MS = 180_000 * PACE;

/** Waits by this clock are over sooner than in the field: pauses before another try, and the guest's time limits. */
export const hurried = (factor: number): Clock => ({
  now: () => systemClock.now(),
  monotonicMs: () => systemClock.monotonicMs(),
  sleep: (durationMs, signal) => systemClock.sleep(durationMs * factor, signal),
});
