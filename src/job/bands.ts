import type { BandFolder, BandOwner, BandRun } from '../ports/bands.ts';
import { type ImageFile, mostBytesOf } from '../ports/images.ts';
import { changedRegionsOf, trackedDiskOf } from './changed-regions.ts';
import type { Installation } from './installation.ts';
import { imagesOf, type Plan, type PlannedImage } from './plan.ts';
import type { JobPorts } from './ports.ts';
import type { Run } from './step.ts';

/** A band of a job that does not say otherwise. */
const DEFAULT_BAND_BYTES = 4 * 1024 * 1024;

/** The folders of a run's bands; none where its images have another format. */
export const bandFoldersOf = (plan: Plan): readonly BandFolder[] =>
  imagesOf(plan)
    .filter(({ format }) => format === 'bands')
    .map(({ imagePath, imageBytes }) => ({ path: imagePath, sizeBytes: imageBytes }));

export const bandOwnerOf = (installation: Installation, job: string): BandOwner => ({
  installation: installation.name,
  job,
});

const bandRunOf = ({ runId, snapshotName }: Plan): BandRun => ({ id: runId, snapshot: snapshotName });

/** Bytes that the images of a run may need in its hand-over directory. What a dead run left of its bands is ended first. */
export async function bytesNeededFor(ports: JobPorts, plan: Plan, signal: AbortSignal): Promise<number> {
  const folders = bandFoldersOf(plan);
  if (folders.length === 0) {
    return imagesOf(plan).reduce(
      (sum, { format, imageBytes }) => sum + mostBytesOf({ format, sizeBytes: imageBytes }),
      0,
    );
  }
  const owner = bandOwnerOf(ports.installation, plan.spec.name);
  const { bytesNeeded } = await ports.bands.preflight(plan.spec.exportDirectory, folders, owner, signal);
  return bytesNeeded;
}

export async function stageBands(
  run: Run,
  image: PlannedImage,
  devicePath: string,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<ImageFile> {
  const { plan, ports } = run;
  const { exportDirectory: directory, bandBytes = DEFAULT_BAND_BYTES, changedRegions } = plan.spec;
  const shape = { path: image.imagePath, sizeBytes: image.imageBytes };
  const owner = bandOwnerOf(ports.installation, plan.spec.name);
  const disk = trackedDiskOf(run, image);
  const changed =
    changedRegions === 'cbt'
      ? await changedRegionsOf(
          run,
          { ...image, bandBytes },
          disk,
          await ports.bands.committed(directory, image.imagePath, owner, signal),
          signal,
        )
      : undefined;
  const staged = await ports.bands.stage(
    directory,
    { ...shape, devicePath, bandBytes, owner, run: bandRunOf(plan), point: disk?.point, changed },
    progress,
    signal,
  );
  return { ...shape, format: 'bands', ...staged };
}

/** From here on the bands of all disks are those of this run, whatever becomes of it. */
export async function commitBands({ plan, ports }: Run, signal: AbortSignal): Promise<void> {
  const paths = bandFoldersOf(plan).map(({ path }) => path);
  if (paths.length === 0) return;
  const by = { owner: bandOwnerOf(ports.installation, plan.spec.name), run: bandRunOf(plan) };
  await ports.bands.commit(plan.spec.exportDirectory, paths, by, signal);
}

/** Ends what a run began with its bands, forwards or backwards. The bands stay: the next run writes only what differs from them. */
export async function settleBands(
  ports: JobPorts,
  directory: string,
  paths: readonly string[],
  job: string,
  signal: AbortSignal,
): Promise<void> {
  if (paths.length === 0) return;
  for (const { path, why } of await ports.bands.settle(
    directory,
    paths,
    bandOwnerOf(ports.installation, job),
    signal,
  )) {
    ports.reporter.warn('something lies where bands are and is left alone', { directory, file: path, why });
  }
}
