import { SnaphookError } from '../ports/errors.ts';
import { checkGrades } from './grade-policy.ts';
import type { JoinedRun } from './job-turn.ts';
import type { StepName } from './journal-records.ts';
import { MANIFEST_NAME } from './plan.ts';
import type { ExposeResult, MountResult } from './results.ts';
import type { RunState } from './run-state.ts';
import { snapshotResultOf } from './step-results.ts';
import type { ExportResult } from './steps/export.ts';

/** What the call that made the run was told when it was handed over, from the journal. Errors: `E_JOURNAL`. */
export function joinedResult({ runId, state }: JoinedRun) {
  const { plan, manifest = MANIFEST_NAME } = state;
  const capture = snapshotResultOf(state);
  if (!plan || !capture)
    throw new SnaphookError('E_JOURNAL', `journal of run "${runId}" does not say what it captured`);
  // The results below were journaled by their own step under the same format version.
  const exported = doneBy(state, 'export') as ExportResult | undefined;
  return {
    runId: plan.runId,
    plan,
    capture,
    files: exported?.files ?? [],
    mounts: doneBy(state, 'mount') as MountResult | undefined,
    exposed: doneBy(state, 'expose') as ExposeResult | undefined,
    directory: plan.spec.exportDirectory,
    manifest,
    degraded: checkGrades(plan, capture) || plan.leftOut !== undefined,
  };
}

const doneBy = ({ steps }: RunState, name: StepName): unknown => {
  const step = steps[name];
  return step.at === 'done' ? step.result : undefined;
};
