import { doubtOf } from './handed-over.ts';
import { countMounts } from './mounting.ts';
import { imagesOf } from './plan.ts';
import type { Run } from './step.ts';
import { mountResultOf, snapshotResultOf } from './step-results.ts';

/**
 * Does all that the run handed over still lie where it was put, with a manifest that names it? Of a product that backs up an empty mount point
 * nobody would ever know.
 */
export async function isAllThere(run: Run, signal: AbortSignal): Promise<boolean> {
  const { plan, ports, journal } = run;
  const { exportDirectory, files, expose } = plan.spec;
  if (await doubtOf(run, signal)) return false;
  if (files) {
    const mounted = await countMounts(run, snapshotResultOf(journal.state), signal);
    return mounted === mountResultOf(journal.state)?.mounted;
  }
  // Readers of a disk without a copy meet an error when its helper is gone.
  const paths = (expose ? plan.devices : imagesOf(plan)).map(({ imagePath }) => imagePath);
  return (await ports.images.existing(exportDirectory, paths, signal)).length === paths.length;
}
