import type { JobSpec } from '../../src/job/job-spec.ts';
import { RunJournal } from '../../src/job/journal.ts';
import { newRunId } from '../../src/job/names.ts';
import type { PlanDraft } from '../../src/job/plan-draft.ts';
import { completePlan, NOTHING_RESERVED } from '../../src/job/planner.ts';
import type { JobPorts } from '../../src/job/ports.ts';
import type { Run } from '../../src/job/step.ts';
import { undoSteps } from '../../src/job/undo.ts';
import { benchContext } from './ports.ts';

/** What runs of one plan, each with a journal of its own, are made of. */
export interface Opened {
  readonly ports: JobPorts;
  readonly spec: JobSpec;
  readonly draft: PlanDraft;
}

export async function newRun({ ports, spec, draft }: Opened): Promise<Run> {
  const runId = newRunId(ports.clock.now(), ports.randomText());
  const plan = completePlan(draft, { runId, spec, context: benchContext(spec.name) }, NOTHING_RESERVED);
  const journal = await RunJournal.load(await ports.journals.create({ runId, job: spec.name }), ports.clock);
  await journal.opened(plan.context);
  await journal.append({ kind: 'planned', data: plan });
  return { plan, ports, array: draft.array, journal, openGuests: new Map() };
}

export async function throwAway(run: Run): Promise<void> {
  const errors = await undoSteps(run);
  if (errors.length > 0) throw errors[0];
}
