import { type Checks, checkContent } from './content-checks.ts';
import { mountedDevicesOf } from './mounted-devices.ts';
import { mountTargets, refuseDamaged, releaseTargets, textOf } from './mounting.ts';
import type { CaptureResult } from './results.ts';
import type { Run } from './step.ts';

/**
 * Looks into the targets whose images are written: their bytes have been read by then, so that journals may be replayed on them. When it
 * returns nothing of them is mounted any more. Errors: `E_VERIFY`, and those of `FileSystems`.
 */
export async function checkImages(run: Run, capture: CaptureResult, signal: AbortSignal): Promise<Checks> {
  const volumes = await mountTargets(run, capture, signal);
  refuseDamaged(run, volumes);
  if (run.plan.spec.verify?.fileSystems) {
    for (const volume of volumes) {
      if (volume.volume.state !== 'unreadable') continue;
      run.ports.reporter.warn('a part of a disk was not checked', { what: textOf([volume]) });
    }
  }
  const content = await checkContent(run, volumes, signal);
  await releaseTargets(run, undefined, signal);
  return { ...content, fileSystems: volumes };
}

/** May the step `export` have left mounts? When it is done, it has released them. */
export function mayHaveMounts({ plan, journal }: Pick<Run, 'plan' | 'journal'>): boolean {
  const { at } = journal.state.steps.export;
  return !plan.spec.files && mountedDevicesOf(plan).length > 0 && (at === 'intended' || at === 'refused');
}
