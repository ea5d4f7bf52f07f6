import { type ErrorRecord, toErrorRecord } from '../ports/errors.ts';
import { foldJournal } from './journal.ts';
import { type Outcome, STEP_NAMES, type StepName } from './journal-records.ts';
import { readersOf } from './members.ts';
import type { JobPorts } from './ports.ts';
import type { RunPhase } from './run-phase.ts';
import { isKept, type RunState } from './run-state.ts';

/** Where a run stands, for people. */
export type RunStanding = 'open' | 'handed-over' | 'kept' | 'closed';

export interface RunStatus {
  readonly runId: string;
  readonly job: string;
  readonly state: RunStanding | 'unreadable';
  /** Where in its life the run is; undefined for an unreadable one. */
  readonly phase: RunPhase | undefined;
  readonly openedAt: string | undefined;
  readonly outcome: Outcome | undefined;
  readonly vms: readonly string[];
  /** Calls of the product that may still read what was handed over; none where it makes one call for its run. */
  readonly readers: readonly string[];
  readonly snapshot: string | undefined;
  /** Steps whose effect exists or may exist. */
  readonly holding: readonly StepName[];
  readonly errors: readonly ErrorRecord[];
}

/** What the journals on this machine say; asks nobody else. */
export async function status(ports: Pick<JobPorts, 'journals'>, closedLimit: number): Promise<readonly RunStatus[]> {
  const open = await ports.journals.openRuns();
  const kept = await ports.journals.keptRuns();
  const closed = await ports.journals.closedRuns(closedLimit);
  return Promise.all([...open, ...kept, ...closed].map(({ runId, job }) => statusOf(ports, runId, job)));
}

async function statusOf(ports: Pick<JobPorts, 'journals'>, runId: string, job: string): Promise<RunStatus> {
  try {
    const journal = await ports.journals.open(runId);
    const state = foldJournal(runId, await journal.read());
    return {
      runId,
      job,
      state: standingOf(state),
      phase: state.phase,
      openedAt: state.openedAt?.toISOString(),
      outcome: state.outcome,
      vms:
        state.plan?.vms.map(({ name }) => name) ??
        [state.restore ?? state.filesRestore ?? []].flat().map(({ of }) => of.name),
      readers: state.handedOverAt && !state.releasing ? readersOf(state) : [],
      snapshot: state.plan?.snapshotName,
      holding: STEP_NAMES.filter((name) => state.steps[name].at === 'done' || state.steps[name].at === 'intended'),
      errors: state.errors,
    };
  } catch (error) {
    return {
      runId,
      job,
      state: 'unreadable',
      phase: undefined,
      openedAt: undefined,
      outcome: undefined,
      vms: [],
      readers: [],
      snapshot: undefined,
      holding: [],
      errors: [toErrorRecord(error)],
    };
  }
}

export function standingOf(state: RunState): RunStanding {
  if (isKept(state)) return 'kept';
  if (state.outcome) return 'closed';
  return state.handedOverAt ? 'handed-over' : 'open';
}
