import { SnaphookError } from '../../ports/errors.ts';
import type { ImageFile } from '../../ports/images.ts';
import { captureResultOf } from '../journal.ts';
import { manifestOf } from '../manifest.ts';
import { imagePathsOf, MANIFEST_NAME } from '../plan.ts';
import type { Step } from '../step.ts';
import type { DevicesResult } from './devices.ts';
import { requireLinks } from './link.ts';

export interface ExportResult {
  readonly files: readonly ImageFile[];
  readonly manifest: string;
}

/** Effect: complete images and the manifest under their final names in the hand-over directory. */
export const exportStep: Step<ExportResult> = {
  name: 'export',
  repeatable: false,
  settles: false,

  async do(run, signal) {
    const { plan, ports, journal } = run;
    const directory = plan.spec.exportDirectory;
    const state = journal.state.steps.devices;
    // Journaled by devicesStep of this run, under this format version.
    const paths = state.at === 'done' ? (state.result as DevicesResult).devices : [];
    const files: ImageFile[] = [];
    for (const { target, imagePath, imageBytes } of plan.devices) {
      const devicePath = paths.find((device) => device.target === target)?.path;
      if (!devicePath) throw new SnaphookError('E_PROXY_DEVICE', `target "${target}" has no device path on the proxy`);
      ports.reporter.info('writing image', { image: imagePath, bytes: imageBytes });
      files.push(
        await ports.images.write(
          directory,
          { devicePath, path: imagePath, sizeBytes: imageBytes },
          (doneBytes) => ports.reporter.progress('writing image', { image: imagePath, doneBytes, bytes: imageBytes }),
          signal,
        ),
      );
    }
    if (files.length === 0) throw new SnaphookError('E_EXPORT', `run "${plan.runId}" has nothing to hand over`);
    await requireLinks(run, signal);
    const capture = captureResultOf(journal.state);
    if (!capture) throw new SnaphookError('E_JOURNAL', `run "${plan.runId}" has no capture in its journal`);
    await ports.images.writeManifest(directory, MANIFEST_NAME, manifestOf(run, capture, files));
    return { files, manifest: MANIFEST_NAME };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run) {
    await run.ports.images.remove(run.plan.spec.exportDirectory, imagePathsOf(run.plan));
  },
};
