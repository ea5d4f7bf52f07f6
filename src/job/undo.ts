import { toErrorRecord } from '../ports/errors.ts';
import { withinLimit } from './deadline.ts';
import type { StepName } from './journal-records.ts';
import type { StepState } from './run-state.ts';
import { localUndoMs } from './run-time.ts';
import type { Run, Step } from './step.ts';
import { captureStep } from './steps/capture.ts';
import { copyStep } from './steps/copy.ts';
import { datastoreStep } from './steps/datastore.ts';
import { devicesStep } from './steps/devices.ts';
import { exportStep } from './steps/export.ts';
import { exposeStep } from './steps/expose.ts';
import { groupStep } from './steps/group.ts';
import { guestsStep } from './steps/guests.ts';
import { hostStep } from './steps/host.ts';
import { hotAddStep } from './steps/hot-add.ts';
import { linkStep } from './steps/link.ts';
import { managedCaptureStep } from './steps/managed-capture.ts';
import { mountStep } from './steps/mount.ts';
import { parkStep } from './steps/park.ts';
import { presentStep } from './steps/present.ts';
import { registerStep } from './steps/register.ts';
import { restoreStep } from './steps/restore.ts';

/** In the order `pre` does them; undone in reverse. */
const STEPS: readonly Step<unknown>[] = [
  groupStep,
  guestsStep,
  captureStep,
  managedCaptureStep,
  parkStep,
  linkStep,
  hostStep,
  presentStep,
  hotAddStep,
  devicesStep,
  exportStep,
  mountStep,
  exposeStep,
  datastoreStep,
  registerStep,
  restoreStep,
  copyStep,
];

/** In the order they are undone: what a session was about to leave in its guest is looked for when the session is over. */
const OF_GUESTS: readonly Step<unknown>[] = [guestsStep, parkStep];

/**
 * Undoes every step whose effect may exist, newest first, all the way: an error is kept and the next step is still undone. Guests
 * are let go at once and beside all that: nothing else needs their sessions, their applications may be quiet, and a guest that
 * does not answer keeps no snapshot alive.
 * This one path serves a failing `pre`, `post`, the recovery of a crashed run and `reap`.
 * Returns the errors; an empty list means that nothing of the run is left.
 */
export async function undoSteps(
  run: Run,
  { only = STEPS.map(({ name }) => name), signal }: { only?: readonly StepName[]; signal?: AbortSignal } = {},
): Promise<unknown[]> {
  const asked = STEPS.filter(({ name }) => only.includes(name));
  const others = asked.filter((step) => !OF_GUESTS.includes(step)).reverse();
  const errors = await Promise.all([
    undoInOrder(
      run,
      OF_GUESTS.filter((step) => asked.includes(step)),
      signal,
    ),
    undoInOrder(run, others, signal),
  ]);
  return errors.flat();
}

async function undoInOrder(
  run: Run,
  steps: readonly Step<unknown>[],
  signal: AbortSignal | undefined,
): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const step of steps) {
    const state = run.journal.state.steps[step.name];
    if (state.at === 'untouched' || state.at === 'undone') continue;
    await keepError(errors, () => run.journal.append({ kind: 'undoing', data: { step: step.name } }));
    try {
      await undoStep(run, step, state, signal);
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

async function undoStep(
  run: Run,
  step: Step<unknown>,
  state: StepState,
  parent: AbortSignal | undefined,
): Promise<void> {
  const { clock } = run.ports;
  const { limits } = run.plan.spec;
  const durationMs = Math.round(step.isLocal ? localUndoMs(clock, limits, run.endsAtMs) : limits.undoMs);
  await withinLimit(
    clock,
    {
      durationMs,
      code: 'E_LEFTOVERS',
      message: `undoing step "${step.name}" of run "${run.plan.runId}" took longer than ${durationMs} ms`,
      hint: 'Run `snaphook reap --apply` when the array, the guests and the proxy can be reached again.',
    },
    parent,
    async (signal) => {
      if (step.settles && state.at === 'intended') await settle(run, signal);
      await step.undo(run, signal);
    },
  );
}

/**
 * A request that was given up, or whose process died, may still be under way: its effect could come after we looked.
 * So an intent without a result is undone only when whatever was sent until now has had time to take effect. When it was sent
 * nobody wrote down: long after the intent where guests take their time to freeze, and wall clocks jump.
 */
async function settle(run: Run, signal: AbortSignal): Promise<void> {
  await run.ports.clock.sleep(run.plan.spec.limits.settleMs, signal);
}

/** A journal that cannot be written must not keep a snapshot alive: the undo goes on and the error is told at the end. */
async function keepError(errors: unknown[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    errors.push(error);
  }
}
