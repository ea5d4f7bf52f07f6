import { withinLimit } from './deadline.ts';
import { doubtOf } from './handed-over.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { mountedDevicesOf } from './mounted-devices.ts';
import { readJournal } from './open-plans.ts';
import { imagesOf } from './plan.ts';
import type { JobPorts } from './ports.ts';
import type { PreResult } from './pre.ts';
import { isSameRun } from './product-run.ts';
import { loadRun } from './run-record.ts';
import type { Run } from './step.ts';
import { mountResultOf } from './step-results.ts';

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

/** Of a product that backs up an empty mount point nobody would ever know. */
async function isAllThere(run: Run, signal: AbortSignal): Promise<boolean> {
  const { plan, ports, journal } = run;
  const { exportDirectory, files, expose } = plan.spec;
  if (await doubtOf(run, signal)) return false;
  if (files) {
    const folders = mountedDevicesOf(plan).map(({ folder }) => folder);
    const mounted = await ports.fileSystems.mountedIn(exportDirectory, folders, signal);
    return mounted === mountResultOf(journal.state)?.mounted;
  }
  // Readers of a disk without a copy meet an error when its helper is gone.
  const paths = (expose ? plan.devices : imagesOf(plan)).map(({ imagePath }) => imagePath);
  return (await ports.images.existing(exportDirectory, paths, signal)).length === paths.length;
}
