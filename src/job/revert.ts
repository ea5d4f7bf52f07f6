import { SnaphookError } from '../ports/errors.ts';
import type { JobContext, JobSpec, Keep, KeptWish } from './job-spec.ts';
import type { RunJournal } from './journal.ts';
import { snapshotName } from './names.ts';
import { openRun } from './open-run.ts';
import type { Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { whilePlanning } from './reserve-plan.ts';
import { planRevert, type RevertDraft, requireNoOpenRun } from './revert-plan.ts';
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
 * what fails later is brought to its end, not undone. Errors: those of `planRevert`, of steps and turns; `E_REVERT_IN_DOUBT` or `E_LEFTOVERS`
 * when something failed and the disks were set back.
 */
export async function revertVms(
  ports: JobPorts,
  wish: KeptWish,
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
  const at: { journal?: RunJournal } = {};
  const reverted = openRun(ports, spec, context, signal, async (work, limited) => {
    const { journal, ports: beating, id: runId, time, current } = work;
    at.journal = journal;
    const key = await beating.hypervisor.sessionKey(limited);
    if (key !== undefined) await journal.append({ kind: 'login', data: { key } });
    const draft = await planRevert(beating, wish, limited);
    const ownName = snapshotName(runId, beating.installation.markOf(runId, draft.source.array.id));
    const plan = planOf(draft, { runId, context, spec }, ownName);
    // Whoever planned a snapshot of these devices since the look has them; whoever plans one later is refused.
    await whilePlanning(beating, limited, async () => {
      await requireNoOpenRun(beating, draft.devices);
      await journal.append({ kind: 'planned', data: plan });
    });
    const array = beating.arrays.find(({ id }) => id === plan.arrayId);
    if (!array) throw new TypeError('the plan names an array that is not there');
    const run = { plan, ports: beating, array, journal, openGuests: new Map(), endsAtMs: time.endsAtMs };
    current.run = run;
    await whileVmsAreOurs(beating, plan.vms, limits.lockWaitMs, limited, async (held) => {
      await runStep(run, restoreStep, held);
      const errors = await undoSteps(run, { signal: held });
      if (errors.length > 0) throw errors[0];
      await requireStandstill(beating, plan.vms, held);
    });
    await closeRun(beating, journal, runId, 'reverted');
    return plan;
  });
  return reverted.catch((error: unknown) => {
    throw at.journal?.state.writtenBack ? afterWriteBack(wish, error) : error;
  });
}

/**
 * Nothing was undone then, whatever the error says of itself. What a VM wrote meanwhile is on disks that were changed under it; where the
 * last look was not come to, nobody knows that none did.
 */
function afterWriteBack({ snapshotRun }: KeptWish, error: unknown): SnaphookError {
  const why = error instanceof Error ? error.message : String(error);
  const wasSetBack = `the disks were set back to snapshot "${snapshotRun}"`;
  if (error instanceof SnaphookError && error.code === 'E_LEFTOVERS') {
    const { code, hint = '', effect } = error;
    return new SnaphookError(code, `${wasSetBack}, and the revert did not come to its end: ${why}`, {
      cause: error,
      hint,
      effect,
    });
  }
  return new SnaphookError(
    'E_REVERT_IN_DOUBT',
    `${wasSetBack}, and whether something used them meanwhile is in doubt: ${why}`,
    {
      cause: error,
      effect: 'unknown',
      hint: 'Power the VM off and revert it again; the snapshot is as it was.',
    },
  );
}

function planOf(
  { source: { plan: kept, capture, takenAt }, vms, devices, warnings }: RevertDraft,
  { runId, context, spec }: Pick<Plan, 'runId' | 'context' | 'spec'>,
  ownName: string,
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
    borrowed: {
      run: kept.runId,
      ownName,
      capture,
      takenAt: takenAt?.toISOString(),
      timeToLiveHours: kept.spec.timeToLiveHours,
    },
    revert: { devices },
    vms: vms.map(({ grade: _grade, ...vm }) => vm),
    devices: [],
    collateral: [],
    warnings,
  };
}

/**
 * How the state before a revert is kept: the VMs are off, so that nothing has to be frozen. The grade is the one that the job asks for: a
 * lower one is taken, and is not what retention keeps as a good one.
 */
export function specOfCurrentState({ source, vms }: RevertDraft): JobSpec {
  const { keep: _ofTheSnapshot, ...spec } = source.plan.spec;
  return {
    ...spec,
    vms: vms.map(({ instanceUuid }) => ({ by: 'instanceUuid', uuid: instanceUuid })),
    exclude: [],
    route: 'snapvx',
    onLowerGrade: 'degrade',
  };
}

/** As long as the snapshot itself was to be kept, unless somebody says for how long. */
export function keepOfCurrentState({ source: { plan } }: RevertDraft, days = plan.spec.keep?.days): Keep {
  if (days === undefined) throw new TypeError('a snapshot that was kept has days');
  return { label: `before the revert to ${plan.runId}`, days, rule: 'own' };
}
