import { type ErrorCode, SnaphookError } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import { MODEL_LAG_MS, nextLookMs } from '../ports/polling.ts';
import { foreseeEnd } from './backup-end.ts';
import { targetsToCreate } from './create-targets.ts';
import { imageNames } from './image-names.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { managedPlan } from './managed-plan.ts';
import { keptSnapshotName, snapshotName } from './names.ts';
import {
  type BorrowedSnapshot,
  bytesOfCylinders,
  type CapturedDevice,
  imageFormatOf,
  type Plan,
  type PlannedDevice,
  type PlanPreview,
} from './plan.ts';
import { draftPlan, type PlanDraft } from './plan-draft.ts';
import { plannedVms } from './planned-vms.ts';
import type { JobPorts } from './ports.ts';
import { snapshotGapWarnings } from './snapshot-gap.ts';
import type { SourceDevice } from './sources.ts';
import { type ChosenTarget, chooseTargets, matchTargets, mayBecomeFree, type TargetChoice } from './targets.ts';

export interface PlanRequest {
  readonly runId: RunId;
  readonly spec: JobSpec;
  readonly context: JobContext;
}

/** What other open runs of this machine have planned to use. */
export interface Reserved {
  readonly targets: ReadonlySet<string>;
  /** Hand-over directories, by the run that has each. */
  readonly directories: ReadonlyMap<string, string>;
  /** Serials of disks that are attached to the proxy VM, by the run that has each. */
  readonly disks: ReadonlyMap<string, string>;
}

export const NOTHING_RESERVED: Reserved = {
  targets: new Set(),
  directories: new Map(),
  disks: new Map(),
};

/** What is captured, and what becomes of it: kept, or handed over. Errors: those of `handOverOf`. */
export function completePlan(draft: PlanDraft, request: PlanRequest, reserved: Reserved): Plan {
  if (request.spec.keep) return keptPlan(draft, request);
  const { devices, ...rest } = assemble(draft, request, reserved, chooseTargets);
  return {
    ...rest,
    devices: devices.map(({ target, targetWwn, ...device }): PlannedDevice => {
      if (!target || !targetWwn) throw new TypeError('one target for every source');
      return { ...device, target, targetWwn };
    }),
  };
}

function keptPlan(draft: PlanDraft, request: PlanRequest): Plan {
  const mark = draft.installation.markOf(request.runId, draft.array.id);
  return {
    ...capturedPart(draft, request),
    snapshotName: keptSnapshotName(request.runId, mark),
    managed: undefined,
    devices: [],
    kept: { devices: draft.sources.map(capturedDevice) },
  };
}

function capturedPart(draft: PlanDraft, { runId, context, spec }: PlanRequest) {
  const { array, facts, route, forecast, collateral, leftOut = [], warnings } = draft;
  return {
    runId,
    context,
    spec,
    arrayId: array.id,
    array: facts,
    vms: draft.borrowed?.vms ?? plannedVms(draft),
    route,
    ...(forecast && { forecast }),
    collateral,
    ...(leftOut.length > 0 && { leftOut }),
    warnings: [...snapshotGapWarnings(spec, context), ...warnings],
  };
}

type Choose = (choice: TargetChoice) => readonly (ChosenTarget | undefined)[];

/** With targets, as far as they are chosen. Errors: `E_TARGET_*`, `E_EXPORT`. */
function assemble(
  draft: PlanDraft,
  request: PlanRequest,
  reserved: Reserved,
  choose: Choose,
): Omit<PlanPreview, 'targetsToCreate'> {
  const { array, sources, vms } = draft;
  const { runId, spec } = request;
  const owner = reserved.directories.get(spec.exportDirectory);
  if (owner !== undefined && draft.clone === undefined) {
    throw new SnaphookError('E_EXPORT', `hand-over directory "${spec.exportDirectory}" is in use by run "${owner}"`, {
      hint: 'Give each job an exportDirectory of its own: otherwise one run would hand over the images of another.',
    });
  }
  const names = imageNames(sources, imageFormatOf(spec), spec.ownerGroups);
  const { clone, proxyVm, borrowed } = draft;
  const found = { sources, vms, names };
  const managed = proxyVm && (clone ? { proxyVm, disks: [] } : managedPlan(proxyVm, found, reserved.disks));
  const choice = choiceOf(draft, spec, reserved);
  const chosen = choose(choice);
  const targets = new Map(choice.sources.map(({ device }, index) => [device.id, chosen[index]]));
  const devices = (managed ? [] : sources).map((source, index) => {
    const target = targets.get(source.device.id);
    const imagePath = names[index];
    if (!imagePath) throw new TypeError('one image for every source');
    return {
      ...capturedDevice(source),
      ...(target && { target: target.device.id, targetWwn: target.device.effectiveWwn }),
      presentNeeded: target?.presentNeeded ?? spec.presentGroup !== undefined,
      imagePath,
      imageBytes: source.holds === 'disk' ? source.diskBytes : bytesOfCylinders(source.device.cylinders),
    };
  });
  const own = snapshotName(runId, draft.installation.markOf(runId, array.id));
  return {
    ...capturedPart(draft, request),
    snapshotName: borrowed?.name ?? own,
    ...(borrowed && { borrowed: borrowedBy(own, borrowed) }),
    ...(clone && { clone }),
    managed,
    devices,
  };
}

const borrowedBy = (
  ownName: string,
  { run, takenAt, timeToLiveHours, capture }: NonNullable<PlanDraft['borrowed']>,
): BorrowedSnapshot => ({ run, takenAt, timeToLiveHours, capture, ownName });

function capturedDevice({ device, holds, datastore, vmfsUuid }: SourceDevice): CapturedDevice {
  return {
    device: device.id,
    wwn: device.effectiveWwn,
    cylinders: device.cylinders,
    holds,
    datastore: datastore === undefined ? undefined : { name: datastore, vmfsUuid },
  };
}

/**
 * By ascending device id on both sides, so that among devices of one size the order of sources is the order of their targets:
 * an array that links two storage groups by position then pairs them as planned, however it counts their members.
 */
export function choiceOf(draft: PlanDraft, spec: JobSpec, reserved: Reserved): TargetChoice {
  return {
    sources: draft.proxyVm ? [] : [...draft.sources].sort((a, b) => a.device.id.localeCompare(b.device.id)),
    pool: [...draft.pool].sort((a, b) => a.id.localeCompare(b.id)),
    spec,
    reserved: reserved.targets,
    preferred: draft.preferred,
  };
}

/** The plan as a run would make it now; nothing is reserved, and targets that would be made are only told. */
export async function previewPlan(ports: JobPorts, request: PlanRequest, signal: AbortSignal): Promise<PlanPreview> {
  const preview = await previewTargets(ports, request, signal);
  const warning = await foreseeEnd(ports, preview);
  return warning === undefined ? preview : { ...preview, warnings: [...preview.warnings, warning] };
}

async function previewTargets(ports: JobPorts, request: PlanRequest, signal: AbortSignal): Promise<PlanPreview> {
  const draft = await draftPlan(ports, request.spec, signal);
  const complete = async (latest: PlanDraft) => completePlan(latest, request, NOTHING_RESERVED);
  try {
    const plan = await whenTargetsAreFree(ports, draft, request.spec, complete, signal);
    return { ...plan, targetsToCreate: [] };
  } catch (error) {
    if (!isNoTarget(error)) throw error;
    const wanted = targetsToCreate(choiceOf(draft, request.spec, NOTHING_RESERVED), error);
    return { ...assemble(draft, request, NOTHING_RESERVED, matchTargets), targetsToCreate: wanted };
  }
}

export const isNoTarget = (error: unknown): error is SnaphookError =>
  error instanceof SnaphookError && error.code === 'E_TARGET_NONE';

/** Completes the plan; while no target is free but one may become so, the pool is read again and completed again. */
export async function whenTargetsAreFree(
  ports: JobPorts,
  draft: PlanDraft,
  spec: JobSpec,
  complete: (draft: PlanDraft) => Promise<Plan>,
  signal: AbortSignal,
  passing: readonly ErrorCode[] = ['E_TARGET_NONE'],
): Promise<Plan> {
  const { clock } = ports;
  const sinceMs = clock.monotonicMs();
  for (let latest = draft, lookMs = 0; ; ) {
    const waitedMs = clock.monotonicMs() - sinceMs;
    try {
      return await complete(latest);
    } catch (error) {
      const mayPass = error instanceof SnaphookError && passing.includes(error.code);
      if (!mayPass || waitedMs >= MODEL_LAG_MS || !mayBecomeFree(latest)) throw error;
      if (latest === draft) {
        ports.reporter.info('no target is free; looking again, as the array may be behind', { pool: spec.targetPool });
      }
    }
    await clock.sleep(nextLookMs(waitedMs, lookMs), signal);
    const askedMs = clock.monotonicMs();
    const { pool } = await draft.array.inventory({ identities: [], pool: spec.targetPool }, signal);
    lookMs = clock.monotonicMs() - askedMs;
    latest = { ...latest, pool };
  }
}
