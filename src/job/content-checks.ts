import { SnaphookError } from '../ports/errors.ts';
import type { MountedVolume, ProbedApplication, WantedChecks } from '../ports/file-systems.ts';
import type { FilesIndex } from '../ports/files-index.ts';
import { withinLimit } from './deadline.ts';
import type { ApplicationWish, GuestPath, JobSpec } from './job-spec.ts';
import { FILES_INDEX_NAME, type Plan, type PlannedVm } from './plan.ts';
import { guestMountPoints, type VolumeOfDisk } from './restore-map.ts';
import type { Run } from './step.ts';

export interface CheckedFile extends GuestPath {
  readonly bytes: number;
}

export interface CheckedApplication extends GuestPath, ProbedApplication {
  readonly kind: ApplicationWish['kind'];
}

/** What was looked into before the hand-over, all of it sound or told as not checked. */
export interface Checks {
  readonly files: readonly CheckedFile[];
  readonly applications: readonly CheckedApplication[];
  /** Of images; undefined where the file systems themselves are handed over. */
  readonly fileSystems?: readonly VolumeOfDisk[];
}

/** What a job itself says that it wants looked into. */
export const wantedChecks = ({ verify }: Pick<JobSpec, 'verify'>): WantedChecks => ({
  fileSystems: verify?.fileSystems === true && !verify.isDefault,
  files: verify !== undefined && verify.files.length > 0,
  fileHashes: verify?.fileHashes ?? false,
  applications: [...new Set(verify?.applications.map(({ kind }) => kind))],
});

/** Reads the files that the job names, and opens its databases. Errors: `E_VERIFY`, and those of `FileSystems`. */
export async function checkContent(run: Run, volumes: readonly VolumeOfDisk[], signal: AbortSignal): Promise<Checks> {
  const { plan, ports } = run;
  const { exportDirectory: directory, verify } = plan.spec;
  if (!verify || (verify.files.length === 0 && verify.applications.length === 0))
    return { files: [], applications: [] };
  const inGuest = guestMountPoints(plan, volumes);
  const files: CheckedFile[] = [];
  for (const wish of verify.files) {
    for (const { volume, path } of placesOf(plan, volumes, inGuest, wish)) {
      ports.reporter.info('reading a file', { vm: wish.vm, path: wish.path });
      files.push({ ...nameOf(wish), ...(await ports.fileSystems.readWhole(directory, volume.path, path, signal)) });
    }
  }
  const applications: CheckedApplication[] = [];
  for (const wish of verify.applications) {
    for (const place of placesOf(plan, volumes, inGuest, wish)) {
      ports.reporter.info('probing', { kind: wish.kind, vm: wish.vm, path: wish.path });
      applications.push({ kind: wish.kind, ...nameOf(wish), ...(await probe(run, wish, place, signal)) });
    }
  }
  return { files, applications };
}

const nameOf = ({ vm, path, volume }: GuestPath): GuestPath => ({ vm, path, volume });

async function probe(
  { plan, ports }: Run,
  { kind, vm, path: guestPath, limitMs }: ApplicationWish,
  { folder, volume, path }: Place,
  signal: AbortSignal,
): Promise<ProbedApplication> {
  const message = `the probe of ${kind} "${guestPath}" of VM "${vm}" took longer than ${limitMs} ms`;
  const hint = 'Give it more time (`seconds` of its entry in `verify.applications`), within `limits.deadlineSeconds`.';
  return withinLimit(
    ports.clock,
    { durationMs: limitMs, code: 'E_VERIFY', message, hint, retry: 'never' },
    signal,
    (limited) =>
      ports.fileSystems.probe(plan.spec.exportDirectory, { kind, folder, volume: volume.path, path }, limited),
  );
}

/** The index of all files that are handed over; undefined: the job does not want one. */
export async function indexFiles(
  { plan, ports }: Run,
  volumes: readonly VolumeOfDisk[],
  signal: AbortSignal,
): Promise<FilesIndex | undefined> {
  if (!plan.spec.verify?.fileHashes) return undefined;
  ports.reporter.info('hashing files');
  const mounted = volumes.flatMap(({ volume }) => (volume.state === 'mounted' ? [volume.path] : []));
  const progress = (doneBytes: number) => ports.reporter.progress('hashing files', { doneBytes });
  const index = { path: FILES_INDEX_NAME, volumes: mounted };
  return ports.fileSystems.writeIndex(plan.spec.exportDirectory, index, progress, signal);
}

/** A mounted volume, and a path from its root. */
interface Place {
  readonly folder: string;
  readonly volume: MountedVolume;
  readonly path: string;
}

/**
 * Where a path of a guest is, in every VM of that name that is in the run: none where the job's VM was left out. Errors: `E_VERIFY`
 * where no mounted volume is known to have it.
 */
function placesOf(
  plan: Pick<Plan, 'vms'>,
  volumes: readonly VolumeOfDisk[],
  inGuest: ReadonlyMap<MountedVolume, readonly string[]>,
  wish: GuestPath,
): readonly Place[] {
  return plan.vms
    .filter(({ name }) => name === wish.vm)
    .map((vm) => {
      const own = mountedOf(vm, volumes);
      const found = wish.volume === undefined ? byMountPoint(own, inGuest, wish.path) : byName(own, wish);
      if (found) return found;
      const what = wish.volume === undefined ? `"${wish.path}"` : `volume "${wish.volume}"`;
      throw new SnaphookError('E_VERIFY', `${what} of VM "${vm.name}" is on no file system that could be mounted`, {
        hint: 'Name the disk and the mount on it, such as `volume: hard-disk-1/part2`, and the path from its root; docs/verify.md.',
      });
    });
}

interface OwnVolume {
  readonly folder: string;
  readonly volume: MountedVolume;
}

function mountedOf({ disks }: PlannedVm, volumes: readonly VolumeOfDisk[]): readonly OwnVolume[] {
  const devices = new Set(disks.flatMap((disk) => disk.devices));
  return volumes.flatMap(({ device, folder, volume }) =>
    volume.state === 'mounted' && devices.has(device.device) ? [{ folder, volume }] : [],
  );
}

function byName(own: readonly OwnVolume[], { volume: name, path }: GuestPath): Place | undefined {
  const found = own.find(({ volume }) => volume.path.endsWith(`/${name}`));
  return found && { ...found, path };
}

/** The volume whose mount point is the longest that leads to the path. */
function byMountPoint(
  own: readonly OwnVolume[],
  inGuest: ReadonlyMap<MountedVolume, readonly string[]>,
  path: string,
): Place | undefined {
  const candidates = own.flatMap((one) =>
    (inGuest.get(one.volume) ?? [])
      .map((mountPoint) => mountPoint.replace(/\/+$/, ''))
      .filter((mountPoint) => path === mountPoint || path.startsWith(`${mountPoint}/`))
      .map((mountPoint) => ({ ...one, mountPoint })),
  );
  const [best] = candidates.sort((a, b) => b.mountPoint.length - a.mountPoint.length);
  return best && { folder: best.folder, volume: best.volume, path: path.slice(best.mountPoint.length) || '/' };
}
