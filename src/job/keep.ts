import type { RunId } from '../ports/identity.ts';
import type { JobContext, JobSpec, Keep } from './job-spec.ts';
import type { Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { type Captured, captureFor } from './pre.ts';
import type { CaptureResult } from './results.ts';
import { closeRun } from './run-record.ts';

export interface KeepResult {
  readonly runId: RunId;
  readonly plan: Plan;
  readonly capture: CaptureResult;
  /** A grade below the requested one, accepted by the job's policy. */
  readonly degraded: boolean;
}

/**
 * Beyond the days a snapshot is kept: retention deletes it with all that belongs to it, and the array does only when nobody came to
 * do that.
 */
const SPARE_HOURS = 24;

/**
 * Freezes, establishes and thaws as the pre hook does, with its grades, policies and deadline, and then keeps the snapshot on the
 * array: its run is closed, and nothing is linked or handed over. What fails is undone, as in the pre hook.
 */
export async function keepSnapshot(
  ports: JobPorts,
  spec: JobSpec,
  keep: Keep,
  context: JobContext,
  signal: AbortSignal,
): Promise<KeepResult> {
  const timeToLiveHours = keep.days * 24 + SPARE_HOURS;
  // A hook at work is waited for, never stopped: it is of a backup.
  const kept: JobSpec = { ...spec, keep, timeToLiveHours, onOpenRun: 'fail' };
  return captureFor(ports, kept, context, signal, endKept);
}

async function endKept({ run, capture, degraded }: Captured, signal: AbortSignal): Promise<KeepResult> {
  const { plan, ports, journal } = run;
  signal.throwIfAborted();
  await closeRun(ports, journal, plan.runId, 'kept');
  return { runId: plan.runId, plan, capture, degraded };
}
