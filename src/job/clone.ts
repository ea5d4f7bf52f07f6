import type { RunId } from '../ports/identity.ts';
import type { CloneWish, JobContext, JobSpec } from './job-spec.ts';
import { loadKept } from './kept-source.ts';
import { linkTargets } from './link-targets.ts';
import { openRun } from './open-run.ts';
import type { CopiedClonePlan, Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { type Captured, captureFor, planRun } from './pre.ts';
import type { CaptureResult, DatastoreResult, RegisterResult } from './results.ts';
import { type Run, runStep } from './step.ts';
import { copyStep } from './steps/copy.ts';
import { datastoreStep } from './steps/datastore.ts';
import { hostStep } from './steps/host.ts';
import { presentStep } from './steps/present.ts';
import { registerStep } from './steps/register.ts';
import { undoSteps } from './undo.ts';

export interface CloneResult {
  readonly runId: RunId;
  readonly plan: Plan;
  readonly capture: CaptureResult;
  /** That holds the clone. */
  readonly datastore: string;
  readonly vm: RegisterResult;
  /** A grade below the requested one, accepted by the job's policy. */
  readonly degraded: boolean;
}

/** Scans of a host take minutes, and nobody waits for a hook here. */
const LEAST_DEADLINE_MS = 30 * 60_000;
const LEAST_DEVICES_MS = 5 * 60_000;
const LEAST_UNDO_MS = 10 * 60_000;

/** Journals of clones are of a job of their own, so that no hook of the job ends them. No job in a configuration can have such a name. */
export const CLONE_JOB_PREFIX = 'clone of ';

/**
 * Freezes, captures and thaws as the pre hook does, and makes a VM of it, powered off: on the route `snapvx` the snapshot is linked to
 * targets that an ESXi host is shown, the copied datastore gets a signature of its own there, and the copied VM is registered; on the
 * route `managed` vCenter copies the VM out of its VM snapshot. Its run stays open as long as the clone is to be
 * there. What fails is undone, as in the pre hook. With a kept snapshot to make it of, nothing is captured: that one is linked.
 */
export async function cloneVm(
  ports: JobPorts,
  spec: JobSpec,
  wish: CloneWish,
  context: JobContext,
  signal: AbortSignal,
): Promise<CloneResult> {
  const { limits } = spec;
  const ofClone: JobSpec = {
    ...spec,
    name: `${CLONE_JOB_PREFIX}${spec.name}`,
    clone: wish,
    onOpenRun: 'fail',
    limits: {
      ...limits,
      deadlineMs: Math.max(limits.deadlineMs, LEAST_DEADLINE_MS),
      devicesMs: Math.max(limits.devicesMs, LEAST_DEVICES_MS),
      undoMs: Math.max(limits.undoMs, LEAST_UNDO_MS),
    },
  };
  if (wish.snapshotRun === undefined) {
    return captureFor(ports, ofClone, context, signal, (captured, during) =>
      captured.run.plan.clone?.by === 'vcenter'
        ? copyInVcenter(captured, captured.run.plan.clone, during)
        : registerCopy(captured, during),
    );
  }
  const { capture } = await loadKept(ports, wish.snapshotRun);
  return openRun(ports, ofClone, context, signal, async (work, limited) => {
    const { run, draft } = await planRun(work, limited).finally(() => work.ports.hypervisor.close());
    return registerCopy({ run, capture, degraded: false, draft, work }, limited);
  });
}

/** The VM snapshot is needed no more when the copy is whole: nothing of the original is part of it. */
async function copyInVcenter(
  { run, capture, degraded }: Captured,
  { datastore }: CopiedClonePlan,
  signal: AbortSignal,
): Promise<CloneResult> {
  const vm = await runStep(run, copyStep, signal);
  const errors = await undoSteps(run, { only: ['managed-capture'], signal });
  if (errors.length > 0) throw errors[0];
  return handOver(run, { capture, degraded, datastore: datastore.name, vm }, signal);
}

async function registerCopy(captured: Captured, signal: AbortSignal): Promise<CloneResult> {
  const { capture, degraded, draft, work } = captured;
  const run = await linkTargets(work, captured.run, draft, signal);
  const datastore = await mountCopy(run, signal);
  const vm = await runStep(run, registerStep, signal);
  return handOver(run, { capture, degraded, datastore: datastore.name, vm }, signal);
}

async function handOver(
  { plan, journal }: Run,
  made: Omit<CloneResult, 'runId' | 'plan'>,
  signal: AbortSignal,
): Promise<CloneResult> {
  signal.throwIfAborted();
  await journal.append({ kind: 'handed-over', data: {} });
  return { runId: plan.runId, plan, ...made };
}

/** A host is shown one copy at a time: two of the same datastore, both without a signature of their own, cannot be told apart there. */
async function mountCopy(run: Run, parent: AbortSignal): Promise<DatastoreResult> {
  const { clone, spec } = run.plan;
  const lock = await run.ports.locks.acquire(`esxi-host-${clone?.host.moRef}`, spec.limits.undoMs, { signal: parent });
  try {
    const signal = AbortSignal.any([parent, lock.lost]);
    await runStep(run, hostStep, signal);
    await runStep(run, presentStep, signal);
    return await runStep(run, datastoreStep, signal);
  } finally {
    await lock.release();
  }
}
