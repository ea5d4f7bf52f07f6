import type { TreeSummary } from '../ports/file-trees.ts';
import type { RunId } from '../ports/identity.ts';
import { leaveWorkFolder } from './files-restore-undo.ts';
import { type FoundPath, findPath, type LabelledVolume } from './guest-path.ts';
import { jobLock } from './job-turn.ts';
import type { JobPorts } from './ports.ts';
import type { FilesRestore, RestorableDisk } from './restoration.ts';
import type { RestorableBackup } from './restore-manifest.ts';
import { backupIn, chosenDisks, type RestoreRequest } from './restore-plan.ts';
import { journaled, type RestoreRun, restoreJobOf, undoEarlierRestores } from './restore-run.ts';
import { closeRun } from './run-record.ts';

export interface FilesRequest extends Pick<RestoreRequest, 'directory' | 'vm' | 'disks' | 'requireGenuine'> {
  /** As the guest has it, or, with `volumeName`, as that file system has it. */
  readonly path: string;
  /** Such as `part2`, or `disk` of a disk without a partition table. */
  readonly volumeName: string | undefined;
  /** Absolute; a new or empty folder. */
  readonly to: string;
  /** Otherwise it is only looked what lies there. */
  readonly apply: boolean;
}

export interface FilesResult {
  readonly runId: RunId;
  readonly backup: RestorableBackup;
  readonly found: FoundPath;
  readonly summary: TreeSummary;
}

/** Where the disks and the files are until they are whole, beside `to`: a folder is renamed on one file system only. */
const WORK_PREFIX = '.snaphook-restore-';
const WHOLE = 'files';

/**
 * Takes files out of images. Each disk is first written out as a raw file, with its hash compared: file systems bring their journals to
 * the end in it, and the images stay as they are. Journaled before it is done: what fails, or whose process dies, is undone here, by the
 * next restore of the VM, or by `reap`. Errors: `E_RESTORE`, `E_VERIFY`, `E_LOCKED`, `E_PROXY*`, `E_EXPORT`, `E_LEFTOVERS`.
 */
export async function restoreFiles(ports: JobPorts, request: FilesRequest, signal: AbortSignal): Promise<FilesResult> {
  const backup = await backupIn(ports, request, signal);
  const disks = chosenDisks(backup, request.disks);
  const job = restoreJobOf(backup.vm.name);
  const lock = await ports.locks.acquire(jobLock(job), 0, { signal });
  const turn = { job, lock };
  try {
    const held = AbortSignal.any([signal, lock.lost]);
    await undoEarlierRestores(ports, turn, held);
    await ports.fileTrees.checkDestination(request.to);
    return await journaled(ports, turn, held, (run) => restoreJournaled(ports, run, { request, backup, disks }, held));
  } finally {
    await lock.release();
  }
}

interface Work {
  readonly request: FilesRequest;
  readonly backup: RestorableBackup;
  readonly disks: readonly RestorableDisk[];
}

async function restoreJournaled(
  ports: JobPorts,
  { runId, journal }: RestoreRun,
  work: Work,
  signal: AbortSignal,
): Promise<FilesResult> {
  const { request, backup, disks } = work;
  const { fileTrees } = ports;
  const restore: FilesRestore = {
    of: { name: backup.vm.name },
    workFolder: `${request.to.slice(0, request.to.lastIndexOf('/'))}/${WORK_PREFIX}${runId}`,
    disks: disks.map(({ key }) => ({ file: `disk-${key}.raw`, folder: `disk-${key}` })),
  };
  await journal.append({ kind: 'restoring-files', data: restore });
  await journal.append({ kind: 'intent', data: { step: 'files' } });
  await fileTrees.makeWorkFolder(restore.workFolder).catch(async (error: unknown) => {
    await journal.refused('files', error);
    throw error;
  });
  await ports.fileSystems.preflight(
    restore.workFolder,
    restore.disks.map(({ folder }) => folder),
    signal,
  );
  const result = await takeFiles(ports, restore, work, signal);
  signal.throwIfAborted();
  if (request.apply) await fileTrees.publish(`${restore.workFolder}/${WHOLE}`, request.to);
  await leaveWorkFolder(ports, restore, signal);
  await journal.append(
    request.apply
      ? { kind: 'done', data: { step: 'files', result: { to: request.to } } }
      : { kind: 'undone', data: { step: 'files' } },
  );
  await closeRun(ports, journal, runId, request.apply ? 'restored' : 'nothing-done');
  return { runId, backup, ...result };
}

async function takeFiles(
  ports: JobPorts,
  restore: FilesRestore,
  { request, backup, disks }: Work,
  signal: AbortSignal,
): Promise<Pick<FilesResult, 'found' | 'summary'>> {
  const { fileSystems, fileTrees, reporter } = ports;
  const { workFolder } = restore;
  const places = disks.map((disk, index) => {
    const place = restore.disks[index];
    if (!place) throw new TypeError('a disk without a place');
    return { disk, folder: place.folder, devicePath: `${workFolder}/${place.file}` };
  });
  for (const { disk, devicePath } of places) await writeDisk(ports, request.directory, disk, devicePath, signal);
  const { grade, shadowCopies } = backup.vm;
  const isQuiet = shadowCopies.length === 0 && (grade === 'application' || grade === 'filesystem');
  const devicePaths = places.map(({ devicePath }) => devicePath);
  const volumes: LabelledVolume[] = [];
  for (const { disk, folder, devicePath } of places) {
    const beside = devicePaths.filter((other) => other !== devicePath);
    const one = { folder, devicePath, beside, isQuiet, shadowCopies };
    const mounted = await fileSystems.mount(workFolder, one, { check: false }, signal);
    volumes.push(...mounted.map((volume) => ({ disk: disk.label, volume })));
  }
  const found = findPath(volumes, request);
  const place = { root: `${workFolder}/${found.volume.path}`, names: found.names };
  if (!request.apply) return { found, summary: await fileTrees.look(place, signal) };
  reporter.info('restoring files', { path: request.path, to: request.to });
  const progress = (doneBytes: number) => reporter.progress('restoring files', { doneBytes });
  const summary = await fileTrees.copy(place, `${workFolder}/${WHOLE}`, progress, signal);
  return { found, summary };
}

async function writeDisk(
  { imageSource, reporter }: JobPorts,
  directory: string,
  { label, image }: RestorableDisk,
  devicePath: string,
  signal: AbortSignal,
): Promise<void> {
  reporter.info('reading a disk out of its image', { disk: label, bytes: image.sizeBytes });
  const progress = (doneBytes: number) =>
    reporter.progress('reading', { disk: label, doneBytes, bytes: image.sizeBytes });
  await imageSource.writeRaw(directory, image, devicePath, progress, signal);
}
