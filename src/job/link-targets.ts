import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import { targetsOf } from './plan.ts';
import type { PlanDraft } from './plan-draft.ts';
import { type Reservation, reserveOtherTargets } from './reserve-plan.ts';
import { type Run, runStep } from './step.ts';
import { linkStep } from './steps/link.ts';
import { undoSteps } from './undo.ts';

const MAX_TRIES = 3;

/**
 * Links every source to its target. The `plan` lock holds on one machine: a run of another proxy with the same pool, or a person, may
 * have linked a target since it was chosen. The array refuses a second link to it; then this run's own links are undone, others
 * are chosen in place of those that are taken, and the choice is journaled like the first. Returns the run with the targets it has.
 * Errors: `E_TARGET_TAKEN` when there is no other target.
 */
export async function linkTargets(
  work: Reservation & { readonly current: { run?: Run } },
  run: Run,
  draft: PlanDraft,
  signal: AbortSignal,
): Promise<Run> {
  const taken = new Set<DeviceId>();
  for (let attempt = 1; ; attempt += 1) {
    const linking = work.current.run ?? run;
    try {
      await runStep(linking, linkStep, signal);
      return linking;
    } catch (error) {
      if (!isTaken(error) || signal.aborted || attempt === MAX_TRIES) throw error;
      work.current.run = await withOtherTargets(work, linking, { draft, taken, error }, signal);
    }
  }
}

const isTaken = (error: unknown): error is SnaphookError =>
  error instanceof SnaphookError && error.code === 'E_TARGET_TAKEN';

async function withOtherTargets(
  work: Reservation,
  run: Run,
  { draft, taken, error }: { readonly draft: PlanDraft; readonly taken: Set<DeviceId>; readonly error: SnaphookError },
  signal: AbortSignal,
): Promise<Run> {
  // Temporary groups pair by position and are made for these targets: such a run is undone as a whole.
  if (run.plan.array.snapVxApi === 'storage-group') throw error;
  const notUndone = await undoSteps(run, { only: ['link'], signal });
  // The whole run is undone next: only then it shows whether anything is left.
  if (notUndone.length > 0) throw error;
  const targets = targetsOf(run.plan);
  const states = await run.array.inspect(targets, signal);
  const foreign = targets.filter((_, index) => states[index]?.linkSource !== undefined);
  if (foreign.length === 0) throw error;
  for (const target of foreign) taken.add(target);
  work.ports.reporter.warn('targets were linked by somebody else; choosing others', { targets: foreign.join(', ') });
  try {
    return { ...run, plan: await reserveOtherTargets(work, draft, taken, signal) };
  } catch (failed) {
    if (!(failed instanceof SnaphookError) || !failed.code.startsWith('E_TARGET_')) throw failed;
    throw new SnaphookError(error.code, `${error.message}; and no other is free: ${failed.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
