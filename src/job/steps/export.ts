import { SnaphookError } from '../../ports/errors.ts';
import type { Wwn } from '../../ports/identity.ts';
import type { ImageFile } from '../../ports/images.ts';
import { bandFoldersOf, commitBands, settleBands, stageBands } from '../bands.ts';
import { seenTargetsOf, snapshotResultOf } from '../journal.ts';
import { manifestOf, plannedManifestOf, readManifestNote } from '../manifest.ts';
import { OWN_NAME_PREFIX } from '../names.ts';
import {
  draftNameOf,
  handedOverFilesOf,
  imagePathsOf,
  imagesOf,
  MANIFEST_NAME,
  PLANNED_MANIFEST_NAME,
  SIGNATURE_NAME,
} from '../plan.ts';
import { lookAfterReading } from '../read-guard.ts';
import type { Run, Step } from '../step.ts';
import type { HotAddResult } from './hot-add.ts';
import { requireLinks } from './link.ts';

export interface ExportResult {
  readonly files: readonly ImageFile[];
  readonly manifest: string;
}

/**
 * Effect: complete images and the manifest under their final names in the hand-over directory. Bands take their places just before the
 * manifest, all at once, and stay when everything else is undone.
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
    const draft = draftNameOf(plan);
    const plannedRecord = { name: PLANNED_MANIFEST_NAME, draft, text: plannedManifestOf(plan) };
    await ports.images.writeRecord(directory, plannedRecord, signal);
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
    await (plan.managed ? lookAfterReading(run, signal) : requireLinks(run, signal));
    const capture = snapshotResultOf(journal.state);
    if (!capture) throw new SnaphookError('E_JOURNAL', `run "${plan.runId}" has no capture in its journal`);
    await commitBands(run, signal);
    const complete = { name: MANIFEST_NAME, draft, text: manifestOf(run, capture, files) };
    if (ports.signText) {
      const text = `${await ports.signText(complete.text)}\n`;
      await ports.images.writeRecord(directory, { name: SIGNATURE_NAME, draft, text }, signal);
    }
    await ports.images.writeRecord(directory, complete, signal);
    await ports.images.remove(directory, [{ path: PLANNED_MANIFEST_NAME, sizeBytes: undefined }], signal);
    return { files, manifest: MANIFEST_NAME };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const { plan, ports } = run;
    const directory = plan.spec.exportDirectory;
    const doubt = await doubtOf(run, signal);
    // The draft bears the run in its name: it is ours whoever has the directory.
    const draft = { path: draftNameOf(plan), sizeBytes: undefined };
    const files = doubt === undefined ? [...handedOverFilesOf(plan), draft] : [draft];
    const leftAlone = doubt === undefined ? [] : await ports.images.existing(directory, imagePathsOf(plan), signal);
    if (leftAlone.length > 0) {
      const fields = { directory, run: plan.runId, because: doubt, files: leftAlone.join(', ') };
      ports.reporter.warn('files where this run puts its own may be those of somebody else and are left alone', fields);
    }
    // Before the manifest goes, which says whose they are.
    const bands = doubt === undefined ? bandFoldersOf(plan).map(({ path }) => path) : [];
    await settleBands(ports, directory, bands, plan.spec.name, signal);
    for (const { path, why } of await ports.images.remove(directory, files, signal)) {
      ports.reporter.warn('a file is not as this run wrote it and is left alone', { directory, file: path, why });
    }
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

/**
 * Every run of a job uses the same paths, a journal may have been restored from a backup, and somebody may have restored images
 * to where they were: what lies there now may be another's. A manifest decides, as it is the first file that is written and the
 * last that is removed. Undefined: it names this run.
 */
async function doubtOf({ plan, ports }: Run, signal: AbortSignal): Promise<string | undefined> {
  const records = await ports.images.records(plan.spec.exportDirectory, OWN_NAME_PREFIX, signal);
  const manifests = records.filter(({ name }) => name === MANIFEST_NAME || name === PLANNED_MANIFEST_NAME);
  for (const { name, text } of manifests) {
    const note = readManifestNote(text);
    if (note?.runId !== plan.runId) return `"${name}" names run "${note?.runId ?? 'unknown'}"`;
  }
  return manifests.length > 0 ? undefined : 'no manifest beside them says whose they are';
}
