import { SnaphookError } from '../ports/errors.ts';
import type { BackupEnd } from '../ports/guest.ts';
import type { JobContext } from './job-spec.ts';
import { readJournal } from './open-plans.ts';
import { isHandedOver, type Plan, type PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';

type PlanOfEnd = Pick<Plan, 'spec' | 'context' | 'kept' | 'clone' | 'revert' | 'borrowed' | 'vms'>;

/**
 * A kept snapshot or a clone is of no backup, and a neighbour in none of this job: whether anybody keeps what was captured of it, nobody
 * tells. Of a snapshot that is handed over later no guest waits for anything.
 */
export function backupEndOf(plan: Omit<PlanOfEnd, 'vms'>, { role }: Pick<PlannedVm, 'role'>): BackupEnd {
  if (!isBackup(plan) || role === 'neighbour') return 'none';
  return plan.spec.outcomeIsTold || plan.context.tellsOutcome ? 'told' : 'untold';
}

/** Does a run capture something for a backup product, which may tell how that ended? */
const isBackup = (plan: Pick<PlanOfEnd, 'kept' | 'clone' | 'revert' | 'borrowed'>): boolean =>
  isHandedOver(plan) && plan.borrowed === undefined;

/** Guests whose applications would wait for the end of a backup that nobody tells. */
const untoldGuests = (plan: PlanOfEnd): readonly PlannedVm[] =>
  plan.vms.filter((vm) => vm.backupType === 'full' && backupEndOf(plan, vm) === 'untold');

/** Errors: `E_CONFIG` when a guest makes a full backup and nothing tells the post hook how it ended. */
export function requireToldEnd(plan: PlanOfEnd): void {
  const [guest] = untoldGuests(plan);
  if (!guest) return;
  throw new SnaphookError('E_CONFIG', `guest "${guest.name}" has backupType "full", but ${untoldBy(plan.context)}`, {
    hint: TELL_IT,
  });
}

const untoldBy = ({ integration }: JobContext): string =>
  `nothing tells the post hook how the backup ended: "${integration}" does not`;

const TELL_IT =
  'Applications drop their logs only after a backup that has succeeded. Let the post hook be called with --outcome success or ' +
  'failure and say so in the job by outcomeIsTold: true; or use backupType: copy.';

/**
 * What a run would be refused for, before there is one: it would be called as the last run of the job was. Resolves to a warning where
 * there was none. Errors: as `requireToldEnd`.
 */
export async function foreseeEnd(ports: JobPorts, plan: PlanOfEnd): Promise<string | undefined> {
  const [guest] = untoldGuests(plan);
  if (!guest) return undefined;
  const context = await lastContext(ports, plan.spec.name);
  if (context) {
    requireToldEnd({ ...plan, context });
    return undefined;
  }
  return (
    `guest "${guest.name}" has backupType "full": a pre hook is refused (E_CONFIG) unless its backup product tells how the backup ended, ` +
    'or the job says outcomeIsTold: true'
  );
}

/** More runs than that are not looked through. */
const LOOK_BACK_RUNS = 200;

/** Who called for the newest backup of the job on this machine, be it open or over; undefined where none can be read. */
async function lastContext(ports: JobPorts, job: string): Promise<JobContext | undefined> {
  const open = await ports.journals.openRuns(job).catch(() => []);
  const closed = await ports.journals.closedRuns(LOOK_BACK_RUNS).catch(() => []);
  const runs = [...open, ...closed.filter((run) => run.job === job)];
  // Run ids begin with their time.
  for (const { runId } of runs.sort((one, other) => (one.runId < other.runId ? 1 : -1))) {
    const state = await readJournal(ports, runId).then(
      (journal) => journal.state,
      () => undefined,
    );
    // Whoever keeps, clones or exports a snapshot by hand calls no hook of the job.
    if (state?.plan && isBackup(state.plan) && state.context) return state.context;
  }
  return undefined;
}
