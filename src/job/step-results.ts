import type { StepName } from './journal-records.ts';
import type {
  CaptureResult,
  DatastoreResult,
  DevicesResult,
  GuestsResult,
  ImportResult,
  ManagedCaptureResult,
  MountResult,
  RegisterResult,
  SeenTarget,
} from './results.ts';
import type { RunState } from './run-state.ts';

const resultOf = (state: RunState, step: StepName): unknown => {
  const at = state.steps[step];
  return at.at === 'done' ? at.result : undefined;
};

// The results below were journaled by their own step under the same format version.
export const captureResultOf = (state: RunState): CaptureResult | undefined =>
  (resultOf(state, 'capture') as CaptureResult | undefined) ?? managedCaptureResultOf(state);
/** Of the snapshot that the run works with: its own, or the one it borrows. */
export const snapshotResultOf = (state: RunState): CaptureResult | undefined =>
  state.plan?.borrowed?.capture ?? captureResultOf(state);
export const managedCaptureResultOf = (state: RunState): ManagedCaptureResult | undefined =>
  resultOf(state, 'managed-capture') as ManagedCaptureResult | undefined;
export const seenTargetsOf = (state: RunState): readonly SeenTarget[] =>
  (resultOf(state, 'devices') as DevicesResult | undefined)?.devices ?? [];
export const mountResultOf = (state: RunState): MountResult | undefined =>
  resultOf(state, 'mount') as MountResult | undefined;
export const datastoreResultOf = (state: RunState): DatastoreResult | undefined =>
  resultOf(state, 'datastore') as DatastoreResult | undefined;
export const registerResultOf = (state: RunState): RegisterResult | undefined =>
  resultOf(state, 'register') as RegisterResult | undefined;
export const copyResultOf = (state: RunState): RegisterResult | undefined =>
  resultOf(state, 'copy') as RegisterResult | undefined;
export const guestsResultOf = (state: RunState): GuestsResult | undefined =>
  resultOf(state, 'guests') as GuestsResult | undefined;
export const importResultOf = (state: RunState): ImportResult | undefined =>
  resultOf(state, 'import') as ImportResult | undefined;
