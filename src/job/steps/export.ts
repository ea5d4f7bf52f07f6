import { SnaphookError } from '../../ports/errors.ts';
import type { Wwn } from '../../ports/identity.ts';
import type { ImageFile } from '../../ports/images.ts';
import { bandFoldersOf, commitBands, settleBands, stageBands } from '../bands.ts';
import { doubtOf, removeHandedOver, writeManifest, writePlannedManifest } from '../handed-over.ts';
import { checkImages, mayHaveMounts } from '../image-checks.ts';
import { manifestOf } from '../manifest.ts';
import { releaseTargets } from '../mounting.ts';
import { imagesOf, MANIFEST_NAME } from '../plan.ts';
import { lookAfterReading } from '../read-guard.ts';
import type { Run, Step } from '../step.ts';
import { seenTargetsOf, snapshotResultOf } from '../step-results.ts';
import { writeVmFiles } from '../write-vm-files.ts';
import type { HotAddResult } from './hot-add.ts';
import { requireLinks } from './link.ts';

export interface ExportResult {
  readonly files: readonly ImageFile[];
  readonly manifest: string;
}

/**
 * Effect: complete images and the manifest under their final names in the hand-over directory. Bands take their places just before the
 * manifest, all at once, and stay when everything else is undone. Where the job wants targets verified, they are mounted in between.
 */
export const exportStep: Step<ExportResult> = {
  name: 'export',
  repeatable: false,
  settles: false,
  isLocal: true,

  async do(run, signal) {
    const { plan, ports, journal } = run;
    const directory = plan.spec.exportDirectory;
    const paths = devicePathsOf(run);
    await writePlannedManifest(run, signal);
    const files: ImageFile[] = [];
    for (const planned of imagesOf(plan)) {
      const { wwn, imagePath, imageBytes, format } = planned;
      const devicePath = paths.get(wwn);
      if (!devicePath) throw new SnaphookError('E_PROXY_DEVICE', `device "${wwn}" has no path on the proxy`);
      ports.reporter.info('writing image', { image: imagePath, bytes: imageBytes });
      const progress = (doneBytes: number) =>
        ports.reporter.progress('writing image', { image: imagePath, doneBytes, bytes: imageBytes });
      const request = { devicePath, path: imagePath, sizeBytes: imageBytes };
      files.push(
        format === 'bands'
          ? await stageBands(run, planned, devicePath, progress, signal)
          : await ports.images.write(directory, { ...request, format }, progress, signal),
      );
    }
    if (files.length === 0) throw new SnaphookError('E_EXPORT', `run "${plan.runId}" has nothing to hand over`);
    const vmFiles = await writeVmFiles(run, files, signal);
    await (plan.managed ? lookAfterReading(run, signal) : requireLinks(run, signal));
    const capture = snapshotResultOf(journal.state);
    if (!capture) throw new SnaphookError('E_JOURNAL', `run "${plan.runId}" has no capture in its journal`);
    const checks = plan.spec.verify && (await checkImages(run, capture, signal));
    await commitBands(run, signal);
    const handedOver = { files, vmFiles, fileSystems: undefined, checks };
    await writeManifest(run, manifestOf(run, capture, handedOver), signal);
    return { files, manifest: MANIFEST_NAME };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const { plan, ports } = run;
    const doubt = await doubtOf(run, signal);
    if (mayHaveMounts(run)) await releaseTargets(run, doubt, signal);
    // Before the manifest goes, which says whose they are.
    const bands = doubt === undefined ? bandFoldersOf(plan).map(({ path }) => path) : [];
    await settleBands(ports, plan.spec.exportDirectory, bands, plan.spec.name, signal);
    await removeHandedOver(run, doubt, signal);
  },
};

/** Where the proxy sees each device, by the identity it has there. */
function devicePathsOf({ plan, journal: { state } }: Run): ReadonlyMap<Wwn, string> {
  const linked = new Map(seenTargetsOf(state).map(({ target, path }) => [target, path]));
  const hotAdd = state.steps['hot-add'];
  // Journaled by hotAddStep of this run, under this format version.
  const added = hotAdd.at === 'done' ? (hotAdd.result as HotAddResult).disks : [];
  return new Map([
    ...plan.devices.flatMap(({ target, targetWwn }) => {
      const path = linked.get(target);
      return path ? [[targetWwn, path] as const] : [];
    }),
    ...added.map(({ diskUuid, path }) => [diskUuid, path] as const),
  ]);
}
