import type { ImageFile } from '../ports/images.ts';
import { seenTargetsOf } from './journal.ts';
import type { Plan } from './plan.ts';
import type { CaptureResult } from './results.ts';
import type { Run } from './step.ts';

/** What a run hands over beside the images: what was captured, how, when, where, with what grade and hashes. */
export function manifestOf(run: Run, capture: CaptureResult, files: readonly ImageFile[]): string {
  const { plan, ports } = run;
  const manifest = {
    schema: 'snaphook/manifest',
    version: 1,
    tool: ports.toolVersion,
    createdAt: ports.clock.now().toISOString(),
    run: { id: plan.runId, ...plan.context },
    snapshot: {
      array: plan.arrayId,
      model: plan.array.model,
      name: plan.snapshotName,
      snapId: capture.snapId,
      timeToLiveHours: plan.spec.timeToLiveHours,
    },
    window: {
      lengthMs: capture.lengthMs,
      arrayMs: capture.arrayMs,
      freezeMs: capture.freezeMs,
      thawMs: capture.thawMs,
    },
    route: 'snapvx',
    vms: plan.vms.map((vm) => {
      const captured = capture.vms.find((entry) => entry.vm === vm.instanceUuid);
      return {
        name: vm.name,
        instanceUuid: vm.instanceUuid,
        moRef: vm.moRef,
        role: vm.role,
        grade: captured?.grade ?? 'unknown',
        reasons: captured?.reasons ?? [],
        evidence: captured?.evidence,
        disks: vm.disks.map((disk) => ({
          key: disk.key,
          label: disk.label,
          storage: disk.storage,
          capacityBytes: disk.capacityBytes,
          devices: disk.devices,
          images: plan.devices.filter(({ device }) => disk.devices.includes(device)).map(({ imagePath }) => imagePath),
        })),
      };
    }),
    collateral: plan.collateral,
    warnings: plan.warnings,
    images: files.map((file) => {
      const device = plan.devices.find(({ imagePath }) => imagePath === file.path);
      return {
        ...file,
        format: 'raw',
        holds: device?.holds,
        device: device?.device,
        wwn: device?.wwn,
        target: device?.target,
        signature: seenTargetsOf(run.journal.state).find(({ target }) => target === device?.target)?.signature,
      };
    }),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** What a run is about to hand over, written before its first image: a crash in the middle leaves files that say whose they are. */
export function plannedManifestOf({ runId, arrayId, snapshotName, devices }: Plan): string {
  const planned = {
    schema: 'snaphook/planned-manifest',
    version: 1,
    run: { id: runId },
    snapshot: { array: arrayId, name: snapshotName },
    images: devices.map(({ imagePath, imageBytes }) => ({ path: imagePath, sizeBytes: imageBytes })),
  };
  return `${JSON.stringify(planned, undefined, 2)}\n`;
}

/** Whose the files of a hand-over directory are, as a manifest (planned or complete) says. */
export interface ManifestNote {
  readonly runId: string;
  readonly snapshotName: string;
  readonly images: readonly { readonly path: string; readonly sizeBytes: number }[];
}

/** Undefined for a text that is no manifest of ours, or that names a path outside its directory. */
export function readManifestNote(text: string | undefined): ManifestNote | undefined {
  const root = parseJson(text);
  const { schema, run, snapshot, images } = fieldsOf(root);
  const { id } = fieldsOf(run);
  const { name } = fieldsOf(snapshot);
  if (schema !== 'snaphook/manifest' && schema !== 'snaphook/planned-manifest') return undefined;
  if (typeof id !== 'string' || typeof name !== 'string' || !Array.isArray(images)) return undefined;
  const files = images.map((image: unknown) => {
    const { path, sizeBytes } = fieldsOf(image);
    return typeof path === 'string' && staysInside(path) && typeof sizeBytes === 'number'
      ? { path, sizeBytes }
      : undefined;
  });
  const complete = files.filter((file) => file !== undefined);
  return complete.length === files.length ? { runId: id, snapshotName: name, images: complete } : undefined;
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};

const staysInside = (path: string): boolean =>
  path !== '' && !path.startsWith('/') && !/[\\\0]/.test(path) && !path.split('/').includes('..');
