import { plannedManifestOf, readManifestNote } from './manifest.ts';
import { OWN_NAME_PREFIX } from './names.ts';
import { draftNameOf, MANIFEST_NAME, PLANNED_MANIFEST_NAME, SIGNATURE_NAME } from './plan.ts';
import type { Run } from './step.ts';
import { handedOverFilesOf, imagePathsOf } from './vm-files.ts';

/** Why what lies in the hand-over directory may be another's. `others`: a manifest names another run. `nobodys`: there is none. */
export interface Doubt {
  readonly kind: 'others' | 'nobodys';
  readonly because: string;
}

/**
 * Every run of a job uses the same paths, a journal may have been restored from a backup, and somebody may have restored images
 * to where they were: what lies there now may be another's. A manifest decides, as it is the first file that is written and the
 * last that is removed. Undefined: it names this run.
 */
export async function doubtOf({ plan, ports }: Run, signal: AbortSignal): Promise<Doubt | undefined> {
  const records = await ports.images.records(plan.spec.exportDirectory, OWN_NAME_PREFIX, signal);
  const manifests = records.filter(({ name }) => name === MANIFEST_NAME || name === PLANNED_MANIFEST_NAME);
  for (const { name, text } of manifests) {
    const note = readManifestNote(text);
    if (note?.runId !== plan.runId)
      return { kind: 'others', because: `"${name}" names run "${note?.runId ?? 'unknown'}"` };
  }
  return manifests.length > 0 ? undefined : { kind: 'nobodys', because: 'no manifest beside them says whose they are' };
}

/** Before anything is handed over: whoever finds a half of it knows whose it is. */
export async function writePlannedManifest({ plan, ports }: Run, signal: AbortSignal): Promise<void> {
  const planned = { name: PLANNED_MANIFEST_NAME, draft: draftNameOf(plan), text: plannedManifestOf(plan) };
  await ports.images.writeRecord(plan.spec.exportDirectory, planned, signal);
}

/** The complete manifest in place of the planned one, after its signature where there is a key. */
export async function writeManifest({ plan, ports }: Run, text: string, signal: AbortSignal): Promise<void> {
  const directory = plan.spec.exportDirectory;
  const draft = draftNameOf(plan);
  if (ports.signText) {
    const signature = `${await ports.signText(text)}\n`;
    await ports.images.writeRecord(directory, { name: SIGNATURE_NAME, draft, text: signature }, signal);
  }
  await ports.images.writeRecord(directory, { name: MANIFEST_NAME, draft, text }, signal);
  await ports.images.remove(directory, [{ path: PLANNED_MANIFEST_NAME, sizeBytes: undefined }], signal);
}

/** Images and manifest, unless in doubt; the draft in any case. What is left alone is told. */
export async function removeHandedOver(run: Run, doubt: Doubt | undefined, signal: AbortSignal): Promise<void> {
  const { plan, ports } = run;
  const directory = plan.spec.exportDirectory;
  // The draft bears the run in its name: it is ours whoever has the directory.
  const draft = { path: draftNameOf(plan), sizeBytes: undefined };
  const files = doubt === undefined ? [...handedOverFilesOf(plan), draft] : [draft];
  const leftAlone = doubt === undefined ? [] : await ports.images.existing(directory, imagePathsOf(plan), signal);
  if (doubt !== undefined && leftAlone.length > 0) {
    const fields = { directory, run: plan.runId, because: doubt.because, files: leftAlone.join(', ') };
    ports.reporter.warn('files where this run puts its own may be those of somebody else and are left alone', fields);
  }
  for (const { path, why } of await ports.images.remove(directory, files, signal)) {
    ports.reporter.warn('a file is not as this run wrote it and is left alone', { directory, file: path, why });
  }
}
