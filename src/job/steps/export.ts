import { SnaphookError } from '../../ports/errors.ts';
import type { ImageFile } from '../../ports/images.ts';
import { captureResultOf, seenTargetsOf } from '../journal.ts';
import { manifestOf, plannedManifestOf, readManifestNote } from '../manifest.ts';
import { OWN_NAME_PREFIX } from '../names.ts';
import { draftNameOf, handedOverFilesOf, imagePathsOf, MANIFEST_NAME, PLANNED_MANIFEST_NAME } from '../plan.ts';
import type { Run, Step } from '../step.ts';
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
    const paths = seenTargetsOf(journal.state);
    const draft = draftNameOf(plan);
    await ports.images.writeRecord(directory, { name: PLANNED_MANIFEST_NAME, draft, text: plannedManifestOf(plan) });
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
    await ports.images.writeRecord(directory, { name: MANIFEST_NAME, draft, text: manifestOf(run, capture, files) });
    await ports.images.remove(directory, [{ path: PLANNED_MANIFEST_NAME, sizeBytes: undefined }]);
    return { files, manifest: MANIFEST_NAME };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run) {
    const { plan, ports } = run;
    const directory = plan.spec.exportDirectory;
    const doubt = await doubtOf(run);
    // The draft bears the run in its name: it is ours whoever has the directory.
    const draft = { path: draftNameOf(plan), sizeBytes: undefined };
    const files = doubt === undefined ? [...handedOverFilesOf(plan), draft] : [draft];
    const leftAlone = doubt === undefined ? [] : await ports.images.existing(directory, imagePathsOf(plan));
    if (leftAlone.length > 0) {
      const fields = { directory, run: plan.runId, because: doubt, files: leftAlone.join(', ') };
      ports.reporter.warn('files where this run puts its own may be those of somebody else and are left alone', fields);
    }
    for (const { path, why } of await ports.images.remove(directory, files)) {
      ports.reporter.warn('a file is not as this run wrote it and is left alone', { directory, file: path, why });
    }
  },
};

/**
 * Every run of a job uses the same paths, a journal may have been restored from a backup, and somebody may have restored images
 * to where they were: what lies there now may be another's. A manifest decides, as it is the first file that is written and the
 * last that is removed. Undefined: it names this run.
 */
async function doubtOf({ plan, ports }: Run): Promise<string | undefined> {
  const records = await ports.images.records(plan.spec.exportDirectory, OWN_NAME_PREFIX);
  const manifests = records.filter(({ name }) => name === MANIFEST_NAME || name === PLANNED_MANIFEST_NAME);
  for (const { name, text } of manifests) {
    const note = readManifestNote(text);
    if (note?.runId !== plan.runId) return `"${name}" names run "${note?.runId ?? 'unknown'}"`;
  }
  return manifests.length > 0 ? undefined : 'no manifest beside them says whose they are';
}
