import { SnaphookError } from '../../ports/errors.ts';
import type { ShadowCopy } from '../../ports/guest.ts';
import { checkContent, indexFiles } from '../content-checks.ts';
import { doubtOf, removeHandedOver, writeManifest, writePlannedManifest } from '../handed-over.ts';
import { manifestOf } from '../manifest.ts';
import { missingShadowCopies, mountTargets, refuseDamaged, releaseTargets, textOf } from '../mounting.ts';
import type { VolumeOfDisk } from '../restore-map.ts';
import type { MountResult } from '../results.ts';
import type { Run, Step } from '../step.ts';
import { snapshotResultOf } from '../step-results.ts';
import { requireLinks } from './link.ts';

/** Effect: the file systems of the targets are mounted in the hand-over directory, beside a manifest that says what each is. */
export const mountStep: Step<MountResult> = {
  name: 'mount',
  repeatable: false,
  settles: false,
  isLocal: true,

  async do(run, signal) {
    const { plan, journal } = run;
    await writePlannedManifest(run, signal);
    const capture = snapshotResultOf(journal.state);
    if (!capture) throw new SnaphookError('E_JOURNAL', `run "${plan.runId}" has no capture in its journal`);
    const volumes = await mountTargets(run, capture, signal);
    const gaps = judge(run, volumes, missingShadowCopies(run, capture, volumes));
    const checks = await checkContent(run, volumes, signal);
    const filesIndex = await indexFiles(run, volumes, signal);
    await requireLinks(run, signal);
    const handedOver = { files: [], vmFiles: [], fileSystems: volumes, filesIndex, checks };
    await writeManifest(run, manifestOf(run, capture, handedOver), signal);
    const states = volumes.map(({ volume }) => volume.state);
    return { mounted: states.filter((state) => state === 'mounted').length, volumes: states.length, gaps };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const doubt = await doubtOf(run, signal);
    await releaseTargets(run, doubt, signal);
    await removeHandedOver(run, doubt, signal);
  },
};

/** How many parts are not handed over. Errors: `E_VERIFY`, `E_UNREADABLE`; `E_EXPORT` when there is nothing to hand over. */
function judge(run: Run, volumes: readonly VolumeOfDisk[], missing: readonly ShadowCopy[]): number {
  const { plan, ports } = run;
  refuseDamaged(run, volumes);
  const gaps = [
    ...volumes
      .filter(({ volume: { state } }) => state === 'unreadable' || state === 'damaged')
      .map((gap) => textOf([gap])),
    ...missing.map(({ id, volume }) => `shadow copy "${id}" of "${volume}" is on no volume that could be mounted`),
  ];
  if (plan.spec.files?.onUnreadable === 'fail' && gaps.length > 0) {
    throw new SnaphookError('E_UNREADABLE', `not everything can be read as files: ${gaps.join('; ')}`, {
      hint: 'Hand over images of these VMs (`handOver: images`), or accept the gap with `files.onUnreadable: note`.',
    });
  }
  for (const what of gaps) ports.reporter.warn('a part of a disk is not handed over', { what });
  if (volumes.some(({ volume }) => volume.state === 'mounted')) return gaps.length;
  throw new SnaphookError('E_EXPORT', `run "${plan.runId}" has no file system to hand over`, {
    hint: 'Look at the warnings before this, or hand over images (`handOver: images`).',
  });
}
