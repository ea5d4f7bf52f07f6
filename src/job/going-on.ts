import { isAllThere } from './all-there.ts';
import { withinLimit } from './deadline.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import type { PreResult } from './pre.ts';
import { isSameRun } from './product-run.ts';
import { loadRun } from './run-record.ts';
import type { Run } from './step.ts';

/** What is told of a run that goes on: what it captured was told by the hook that did. */
export type GoingOn = Pick<PreResult, 'runId' | 'directory' | 'manifest'>;

/**
 * The run of the job that an earlier hook of this run of the product handed over, as long as all of it lies where it was put. Undefined: there is
 * none, or a part of it is gone, which is told. Changes nothing. Errors: `E_EXPORT` where the directory does not answer, and the signal's reason.
 */
export async function goingOn(
  ports: JobPorts,
  spec: JobSpec,
  context: JobContext,
  signal: AbortSignal,
): Promise<GoingOn | undefined> {
  for (const { runId: id } of await ports.journals.openRuns(spec.name)) {
    const state = await readJournal(ports, id).then(
      (journal) => journal.state,
      () => undefined,
    );
    if (!state?.handedOverAt || state.releasing || !isSameRun(state.context, context)) continue;
    const { run } = await loadRun(ports, id);
    const { manifest } = state;
    if (run && manifest !== undefined && (await isComplete(run, spec.limits.deadlineMs, signal))) {
      ports.reporter.info('what an earlier hook of this run of the product handed over goes on', { run: id });
      return { runId: run.plan.runId, directory: run.plan.spec.exportDirectory, manifest };
    }
    ports.reporter.warn('what this run handed over is not all there any more', { run: id });
  }
  return undefined;
}

/** A directory that does not answer is waited for no longer than the hook may take. */
function isComplete(run: Run, durationMs: number, signal: AbortSignal): Promise<boolean> {
  const message = `directory "${run.plan.spec.exportDirectory}" did not answer within ${durationMs} ms`;
  const limit = { durationMs, code: 'E_EXPORT', message } as const;
  return withinLimit(run.ports.clock, limit, signal, (limited) => isAllThere(run, limited));
}
