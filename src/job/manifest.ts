import { EXPOSED_AS, type ExposedAs, NBD_SOCKET_NAME } from '../ports/exposures.ts';
import type { FilesIndex } from '../ports/files-index.ts';
import { IMAGE_FORMATS, type ImageFile, type ImageShape, type WrittenFile } from '../ports/images.ts';
import { collateralOf, warningsOf } from './collateral.ts';
import type { Checks } from './content-checks.ts';
import { frozenBy } from './freeze-strategy.ts';
import { checksOf, fileSystemsOf, vmsOf } from './manifest-volumes.ts';
import { mountedDevicesOf } from './mounted-devices.ts';
import { FILES_INDEX_NAME, hasCommonInstant, imagesOf, type Plan } from './plan.ts';
import type { VolumeOfDisk } from './restore-map.ts';
import type { CaptureResult } from './results.ts';
import type { Run } from './step.ts';
import { seenTargetsOf } from './step-results.ts';
import { imagesOfDisk, type PlannedVmFile, vmFilesOf } from './vm-files.ts';

/** A small file of a VM as it was written. */
export interface VmFile extends PlannedVmFile, WrittenFile {}

/** Images, or mounted file systems. */
export interface HandedOver {
  readonly files: readonly ImageFile[];
  readonly vmFiles: readonly VmFile[];
  /** Undefined where images are handed over. */
  readonly fileSystems: readonly VolumeOfDisk[] | undefined;
  /** Of these; absent where the job wants none. */
  readonly filesIndex?: FilesIndex | undefined;
  /** Undefined: nothing was to be looked into. */
  readonly checks: Checks | undefined;
}

/** What a run hands over beside the images: what was captured, how, when, where, with what grade and hashes. */
export function manifestOf(
  run: Run,
  capture: CaptureResult,
  { files, vmFiles, fileSystems, filesIndex, checks }: HandedOver,
): string {
  const { plan, ports, journal } = run;
  const devices = new Map(plan.devices.map((device) => [device.imagePath, device]));
  const added = new Map((plan.managed?.disks ?? []).map((disk) => [disk.imagePath, disk]));
  const seen = new Map(seenTargetsOf(journal.state).map((target) => [target.target, target]));
  const manifest = {
    schema: 'snaphook/manifest',
    version: 1,
    tool: ports.toolVersion,
    createdAt: ports.clock.now().toISOString(),
    run: { id: plan.runId, ...plan.context, ...ownName(plan) },
    snapshot: {
      array: plan.arrayId,
      model: plan.array.model,
      name: plan.snapshotName,
      snapId: capture.snapId,
      timeToLiveHours: plan.borrowed?.timeToLiveHours ?? plan.spec.timeToLiveHours,
      takenAt: plan.borrowed ? plan.borrowed.takenAt : journal.state.capturedAt?.toISOString(),
      ...(plan.borrowed && { keptBy: plan.borrowed.run }),
    },
    window: {
      lengthMs: capture.lengthMs,
      arrayMs: capture.arrayMs,
      freezeMs: capture.freezeMs,
      thawMs: capture.thawMs,
    },
    route: plan.route,
    commonInstant: hasCommonInstant(plan),
    ...(plan.managed ? { proxyVm: plan.managed.proxyVm } : {}),
    gradeAsked: plan.spec.grade,
    vms: plan.vms.map((vm) => {
      const captured = capture.vms.find((entry) => entry.vm === vm.instanceUuid);
      return {
        name: vm.name,
        instanceUuid: vm.instanceUuid,
        moRef: vm.moRef,
        role: vm.role,
        frozenBy: frozenBy(vm),
        grade: captured?.grade ?? 'unknown',
        reasons: captured?.reasons ?? [],
        evidence: captured?.evidence,
        notes: vm.notes,
        hardware: vm.hardware,
        disks: vm.disks.map((disk) => ({
          key: disk.key,
          label: disk.label,
          storage: disk.storage,
          capacityBytes: disk.capacityBytes,
          devices: disk.devices,
          images: imagesOfDisk(plan, vm.instanceUuid, disk),
        })),
      };
    }),
    collateral: collateralOf(plan, capture),
    warnings: [...warningsOf(plan, capture), ...(run.configurations?.warnings ?? [])],
    ...exposedOf(run),
    ...(fileSystems && { folders: foldersOf(plan), fileSystems: fileSystemsOf(plan, fileSystems) }),
    ...(filesIndex && { filesIndex }),
    ...(vmFiles.length > 0 && { files: vmFiles }),
    ...(checks && { checks: checksOf(plan, checks) }),
    images: files.map((file) => {
      const device = devices.get(file.path);
      const disk = added.get(file.path);
      if (disk) return { ...file, holds: 'disk', diskUuid: disk.diskUuid };
      return {
        ...file,
        holds: device?.holds,
        device: device?.device,
        wwn: device?.wwn,
        target: device?.target,
        signature: device && seen.get(device.target)?.signature,
      };
    }),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

const foldersOf = (plan: Plan): readonly string[] => mountedDevicesOf(plan).map(({ folder }) => folder);

/** Disks that were not read here: no hash says what was in them. */
function exposedOf({ plan, journal }: Run) {
  const { expose: as } = plan.spec;
  if (as === undefined) return {};
  const seen = new Map(seenTargetsOf(journal.state).map((target) => [target.target, target]));
  const disks = plan.devices.map(({ imagePath: path, imageBytes: sizeBytes, holds, device, wwn, target }) => ({
    path,
    sizeBytes,
    holds,
    device,
    wwn,
    target,
    signature: seen.get(target)?.signature,
    vms: vmsOf(plan, device),
  }));
  return { exposed: { as, ...(as === 'nbd' && { socket: NBD_SOCKET_NAME }), disks } };
}

/** What a run is about to hand over, written before its first image or mount: a crash in the middle leaves files that say whose they are. */
export function plannedManifestOf(plan: Plan): string {
  const { runId, arrayId, snapshotName, spec, devices } = plan;
  const planned = {
    schema: 'snaphook/planned-manifest',
    version: 1,
    run: { id: runId, job: spec.name, ...ownName(plan) },
    snapshot: { array: arrayId, name: snapshotName },
    folders: foldersOf(plan),
    files: vmFilesOf(plan),
    ...(spec.verify?.fileHashes && { filesIndex: { path: FILES_INDEX_NAME } }),
    ...(spec.expose && { exposed: { as: spec.expose, disks: devices.map(({ imagePath: path }) => ({ path })) } }),
    images: imagesOf(plan).map(({ imagePath, imageBytes, format }) => ({
      path: imagePath,
      format,
      sizeBytes: imageBytes,
    })),
  };
  return `${JSON.stringify(planned, undefined, 2)}\n`;
}

/** A borrowed snapshot proves nothing of the run that hands it over. */
const ownName = ({ borrowed }: Plan): { readonly name?: string } => (borrowed ? { name: borrowed.ownName } : {});

/** Whose the files of a hand-over directory are, as a manifest (planned or complete) says. */
export interface ManifestNote {
  readonly runId: string;
  /** Undefined in manifests that do not tell. */
  readonly job: string | undefined;
  /** With the mark of the run. */
  readonly ownName: string;
  readonly images: readonly ImageShape[];
  /** Paths of the small files beside them, and of an index of mounted files. */
  readonly files: readonly string[];
  /** In which file systems are mounted; none where images are handed over. */
  readonly folders: readonly string[];
  /** Disks that are handed over without a copy. */
  readonly exposed: ExposedNote | undefined;
}

export interface ExposedNote {
  readonly as: ExposedAs;
  readonly paths: readonly string[];
}

/** Undefined for a text that is no manifest of ours, or that names a path outside its directory or a format unknown here. */
export function readManifestNote(text: string | undefined): ManifestNote | undefined {
  const root = parseJson(text);
  const { schema, run, snapshot, images, files = [], filesIndex, folders = [], exposed: shown } = fieldsOf(root);
  const { id, job: jobName, name = fieldsOf(snapshot).name } = fieldsOf(run);
  if (schema !== 'snaphook/manifest' && schema !== 'snaphook/planned-manifest') return undefined;
  if (typeof id !== 'string' || typeof name !== 'string') return undefined;
  if (!Array.isArray(images) || !Array.isArray(files) || !Array.isArray(folders)) return undefined;
  const shapes = images.map((image: unknown) => {
    const { path, format: formatName, sizeBytes } = fieldsOf(image);
    const format = IMAGE_FORMATS.find((one) => one === formatName);
    return typeof path === 'string' && staysInside(path) && typeof sizeBytes === 'number' && format !== undefined
      ? { path, format, sizeBytes }
      : undefined;
  });
  const complete = shapes.filter((shape) => shape !== undefined);
  const listed = filesIndex === undefined ? files : [...files, filesIndex];
  const small = listed.map((file: unknown) => fieldsOf(file).path).filter(isInside);
  const inside = folders.filter(isInside);
  const exposed = shown === undefined ? undefined : exposedNoteOf(shown);
  if (exposed === 'unknown') return undefined;
  const isRead =
    complete.length === shapes.length && small.length === listed.length && inside.length === folders.length;
  if (!isRead) return undefined;
  const job = typeof jobName === 'string' ? jobName : undefined;
  return { runId: id, job, ownName: name, images: complete, files: small, folders: inside, exposed };
}

function exposedNoteOf(value: unknown): ExposedNote | 'unknown' {
  const { as: name, disks } = fieldsOf(value);
  const as = EXPOSED_AS.find((one) => one === name);
  if (as === undefined || !Array.isArray(disks)) return 'unknown';
  const paths = disks.map((disk: unknown) => fieldsOf(disk).path);
  const inside = paths.filter(isInside);
  return inside.length === paths.length ? { as, paths: inside } : 'unknown';
}

const isInside = (path: unknown): path is string => typeof path === 'string' && staysInside(path);

/** Undefined for what is no JSON. */
export function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};

export const staysInside = (path: string): boolean =>
  path !== '' && !path.startsWith('/') && !/[\\\0]/.test(path) && !path.split('/').includes('..');
