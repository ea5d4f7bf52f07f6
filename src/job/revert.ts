import { SnaphookError } from '../ports/errors.ts';
import type { JobContext, JobSpec, Keep, RevertWish } from './job-spec.ts';
import { openRun } from './open-run.ts';
import type { Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { planRevert, type RevertDraft } from './revert-plan.ts';
import { closeRun } from './run-record.ts';
import { requireStandstill } from './standstill.ts';
import { runStep } from './step.ts';
import { restoreStep } from './steps/restore.ts';
import { undoSteps } from './undo.ts';
import { whileVmsAreOurs } from './vm-locks.ts';

/** An array may write back for hours, and nobody waits for a hook here. */
const LEAST_DEADLINE_MS = 24 * 3_600_000;
const LEAST_UNDO_MS = 30 * 60_000;

/**
 * Sets VMs that are powered off back to a kept snapshot: their devices get its content, the restore sessions are ended, and the snapshot
 * stays. Everything is looked at again in the job's turn. From the request to the array on there is no way back but another snapshot:
 * what fails later is brought to its end, not undone.
 */
export async function revertVms(
  ports: JobPorts,
  wish: RevertWish,
  { source }: RevertDraft,
  context: JobContext,
  signal: AbortSignal,
): Promise<Plan> {
  const { keep: _ofTheSnapshot, ...ofJob } = source.plan.spec;
  const { limits } = ofJob;
  const spec: JobSpec = {
    ...ofJob,
    revert: wish,
    onOpenRun: 'fail',
    limits: {
      ...limits,
      deadlineMs: Math.max(limits.deadlineMs, LEAST_DEADLINE_MS),
      undoMs: Math.max(limits.undoMs, LEAST_UNDO_MS),
    },
  };
  return openRun(ports, spec, context, signal, async (work, limited) => {
    const { journal, ports: beating, id: runId, time, current } = work;
    const key = await beating.hypervisor.sessionKey(limited);
    if (key !== undefined) await journal.append({ kind: 'login', data: { key } });
    const draft = await planRevert(beating, wish, limited);
    const plan = planOf(draft, { runId, context, spec });
    await journal.append({ kind: 'planned', data: plan });
    const array = beating.arrays.find(({ id }) => id === plan.arrayId);
    if (!array) throw new TypeError('the plan names an array that is not there');
    const run = { plan, ports: beating, array, journal, openGuests: new Map(), endsAtMs: time.endsAtMs };
    current.run = run;
    await whileVmsAreOurs(beating, plan.vms, limits.lockWaitMs, limited, async (held) => {
      await runStep(run, restoreStep, held);
      const errors = await undoSteps(run, { signal: held });
      if (errors.length > 0) throw errors[0];
      await requireStandstill(beating, plan.vms, held).catch((error: unknown) => {
        throw undisturbedInDoubt(error);
      });
    });
    await closeRun(beating, journal, runId, 'reverted');
    return plan;
  });
}

/** Nothing can be undone then: what a VM wrote meanwhile is on disks that were changed under it. */
function undisturbedInDoubt(error: unknown): SnaphookError {
  const why = error instanceof Error ? error.message : String(error);
  return new SnaphookError(
    'E_REVERT_IN_USE',
    `the disks were set back, and whether something used them meanwhile is in doubt: ${why}`,
    { cause: error, hint: 'Power the VM off and revert it again; the snapshot is as it was.' },
  );
}

function planOf(
  { source: { plan: kept, capture, takenAt }, vms, devices, warnings }: RevertDraft,
  { runId, context, spec }: Pick<Plan, 'runId' | 'context' | 'spec'>,
): Plan {
  return {
    runId,
    context,
    spec,
    arrayId: kept.arrayId,
    array: kept.array,
    snapshotName: kept.snapshotName,
    route: kept.route,
    managed: undefined,
    borrowed: { run: kept.runId, snapId: capture.snapId, takenAt: takenAt?.toISOString() },
    revert: { devices },
    vms: vms.map(({ grade: _grade, ...vm }) => vm),
    devices: [],
    collateral: [],
    warnings,
  };
}

/** How the state before a revert is kept: the VMs are off, so that nothing has to be frozen. */
export function specOfCurrentState({ source, vms }: RevertDraft): JobSpec {
  const { keep: _ofTheSnapshot, ...spec } = source.plan.spec;
  return {
    ...spec,
    vms: vms.map(({ instanceUuid }) => ({ by: 'instanceUuid', uuid: instanceUuid })),
    exclude: [],
    route: 'snapvx',
    grade: 'crash',
  };
}

/** As long as the snapshot itself was to be kept, unless somebody says for how long. */
export function keepOfCurrentState({ source: { plan } }: RevertDraft, days = plan.spec.keep?.days): Keep {
  if (days === undefined) throw new TypeError('a snapshot that was kept has days');
  return { label: `before the revert to ${plan.runId}`, days, rule: 'own' };
}
