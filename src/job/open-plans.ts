import type { RunId } from '../ports/identity.ts';
import { RunJournal } from './journal.ts';
import type { Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';

export async function readJournal(ports: Pick<JobPorts, 'journals' | 'clock'>, id: string): Promise<RunJournal> {
  return RunJournal.load(await ports.journals.open(id), ports.clock);
}

/** Plans of the runs that are open on this machine, but for one; one whose journal cannot be read is told and left out. */
export async function openPlansOf(ports: JobPorts, except?: RunId): Promise<readonly Plan[]> {
  const plans: Plan[] = [];
  for (const { runId: id, job } of await ports.journals.openRuns()) {
    if (id === except) continue;
    const journal = await readJournal(ports, id).catch((error: unknown) => {
      // Another job's unreadable journal must not stop this one: a target that is in use also shows as linked.
      ports.reporter.warn('the journal of an open run cannot be read', { run: id, job, error: String(error) });
      return undefined;
    });
    if (journal?.state.plan) plans.push(journal.state.plan);
  }
  return plans;
}
