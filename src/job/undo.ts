import { toErrorRecord } from '../ports/errors.ts';
import { withinLimit } from './deadline.ts';
import type { StepName } from './journal.ts';
import type { Run, Step } from './step.ts';
import { captureStep } from './steps/capture.ts';
import { devicesStep } from './steps/devices.ts';
import { exportStep } from './steps/export.ts';
import { guestsStep } from './steps/guests.ts';
import { linkStep } from './steps/link.ts';
import { presentStep } from './steps/present.ts';

/** In the order `pre` does them; undone in reverse. */
const STEPS: readonly Step<unknown>[] = [guestsStep, captureStep, linkStep, presentStep, devicesStep, exportStep];

/**
 * Undoes every step whose effect may exist, newest first, all the way: an error is kept and the next step is still undone.
 * This one path serves a failing `pre`, `post`, the recovery of a crashed run and `reap`.
 * Returns the errors; an empty list means that nothing of the run is left.
 */
export async function undoSteps(
  run: Run,
  only: readonly StepName[] = STEPS.map(({ name }) => name),
): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const step of [...STEPS].reverse()) {
    const state = run.journal.state.steps[step.name].at;
    if (!only.includes(step.name) || state === 'untouched' || state === 'undone') continue;
    await keepError(errors, () => run.journal.append({ kind: 'undoing', data: { step: step.name } }));
    try {
      await undoStep(run, step);
      await keepError(errors, () => run.journal.append({ kind: 'undone', data: { step: step.name } }));
    } catch (error) {
      errors.push(error);
      await keepError(errors, () =>
        run.journal.append({ kind: 'undo-failed', data: { step: step.name, error: toErrorRecord(error) } }),
      );
    }
  }
  return errors;
}

async function undoStep(run: Run, step: Step<unknown>): Promise<void> {
  const { spec } = run.plan;
  await withinLimit(
    run.ports.clock,
    {
      durationMs: spec.limits.undoMs,
      code: 'E_LEFTOVERS',
      message: `undoing step "${step.name}" of run "${run.plan.runId}" took longer than ${spec.limits.undoMs} ms`,
      hint: 'Run `snaphook reap` when the array, the guests and the proxy can be reached again.',
    },
    undefined,
    (signal) => step.undo(run, signal),
  );
}

/** A journal that cannot be written must not keep a snapshot alive: the undo goes on and the error is told at the end. */
async function keepError(errors: unknown[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    errors.push(error);
  }
}
